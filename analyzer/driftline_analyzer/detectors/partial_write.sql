-- code: DRF401
-- severity: error
-- standard: torn write; broken atomicity of a unit of work (Haerder and Reuter 1983)
-- message: {branch} left {fields} of {object} half-written: its unit of writes never completed, and the pieces are visible
--
-- ## What it finds
-- A unit of writes that was begun and not committed: aborted by an error, or without any recorded end (a crash, the end of
-- the trace). Its pieces are visible when another branch read one, or wrote on top of one; or, if the outcome is unknown, when
-- one still stands at the end.
--
-- ## Why it matters
-- Half an update passes for a whole one. The first half is valid on its own, so no check of the value can tell.
--
-- ## Example
-- A node opens a unit, writes the head of `doc/1`, and dies before it writes the body. Another branch reads the head.
--
-- ## Fix
-- Write to a version that nobody sees and promote it at the end; or undo the pieces when the unit fails; or make the update one
-- write.
--
-- ## Known limits
-- An aborted unit whose pieces nobody was seen to use is taken for rolled back. Writes outside any unit are whole by
-- definition.

WITH piece AS (
    SELECT w.e, w.o, w.b, w.op, w.pos, u.open_unit, u.effective
    FROM write AS w JOIN unit AS u ON u.u = w.u
    WHERE u.effective <> 0 AND w.pos IS NOT NULL
),
-- What each piece sets: `setting` says it of unknown writes; a void full write would have removed what stood before it.
assigned AS (
    SELECT p.e, s.f FROM piece AS p JOIN setting AS s ON s.e = p.e
    UNION
    SELECT p.e, f.f FROM piece AS p JOIN field AS f ON f.e = p.e WHERE p.effective = 2
    UNION
    SELECT p.e, s.f
    FROM piece AS p
    JOIN setting AS s ON s.o = p.o AND (s.pos < p.pos OR (s.pos = p.pos AND s.e < p.e))
    WHERE p.effective = 2 AND p.op <> 'patch'
    GROUP BY p.e, s.f
    HAVING max_by({'digest': s.digest}, {'pos': s.pos, 'e': s.e}).digest IS NOT NULL
),
-- With the position from which another write outside the group has set the field, or the whole object, again.
ending AS (
    SELECT w.o, s.f, w.pos, w.e, u.open_unit
    FROM setting AS s JOIN write AS w ON w.e = s.e LEFT JOIN unit AS u ON u.u = w.u
    WHERE w.o IN (SELECT o FROM piece)
    UNION ALL
    SELECT w.o, NULL, w.pos, w.e, u.open_unit
    FROM write AS w LEFT JOIN unit AS u ON u.u = w.u
    WHERE w.o IN (SELECT o FROM piece) AND NOT w.void AND w.pos IS NOT NULL AND w.is_full
),
spanned AS (
    SELECT p.e, p.o, p.b, p.pos, p.open_unit, p.effective, a.f, min(x.pos) AS until
    FROM piece AS p JOIN assigned AS a ON a.e = p.e
    LEFT JOIN ending AS x
        ON x.o = p.o AND (x.f IS NULL OR x.f = a.f) AND (x.pos > p.pos OR (x.pos = p.pos AND x.e > p.e))
        AND x.open_unit IS DISTINCT FROM p.open_unit
    WHERE p.op <> 'delete'
    GROUP BY ALL
    UNION ALL
    SELECT p.e, p.o, p.b, p.pos, p.open_unit, p.effective, 0, min(x.pos)
    FROM piece AS p
    LEFT JOIN (
        SELECT w.o, w.pos, w.e, u.open_unit FROM write AS w LEFT JOIN unit AS u ON u.u = w.u
        WHERE NOT w.void AND w.pos IS NOT NULL
    ) AS x ON x.o = p.o AND (x.pos > p.pos OR (x.pos = p.pos AND x.e > p.e))
        AND x.open_unit IS DISTINCT FROM p.open_unit
    WHERE p.op = 'delete'
    GROUP BY ALL
),
sighting AS (
    SELECT r.e, r.o, r.b, r.pos, u.open_unit FROM read AS r LEFT JOIN unit AS u ON u.u = r.u
    WHERE r.pos IS NOT NULL
    UNION ALL
    SELECT DISTINCT s.e, s.o, s.b, s.base_pos, u.open_unit
    FROM setting AS s JOIN write AS w ON w.e = s.e LEFT JOIN unit AS u ON u.u = w.u
    WHERE s.base_pos IS NOT NULL
),
seen AS (
    SELECT p.open_unit, p.e, p.o, s.b AS other, s.e AS sighting
    FROM spanned AS p
    JOIN sighting AS s ON s.o = p.o AND s.b <> p.b AND s.e > p.e AND s.pos >= p.pos AND (p.until IS NULL OR s.pos < p.until)
        AND s.open_unit IS DISTINCT FROM p.open_unit
    UNION
    SELECT p.open_unit, p.e, p.o, NULL, NULL FROM spanned AS p JOIN unit AS u ON u.u = p.open_unit
    WHERE u.outcome = 1 AND p.until IS NULL
),
first AS (
    SELECT open_unit, min(e) AS e, min_by(o, e) AS o FROM seen GROUP BY open_unit
)
SELECT f.e,
    coalesce((
        SELECT list(DISTINCT path.path ORDER BY path.path) FROM piece AS p JOIN assigned USING (e) JOIN path USING (f)
        WHERE p.open_unit = f.open_unit AND p.o = f.o
    ), []) AS fields,
    coalesce(list(DISTINCT s.other ORDER BY s.other) FILTER (s.other IS NOT NULL), []) AS others,
    coalesce(list(DISTINCT s.sighting ORDER BY s.sighting) FILTER (s.sighting IS NOT NULL), []) AS against,
    NULL::VARCHAR AS base,
    CASE WHEN (SELECT outcome FROM unit WHERE unit.u = f.open_unit) = 2 THEN 'recorded' ELSE 'inferred' END AS basis
FROM first AS f JOIN seen AS s ON s.open_unit = f.open_unit
GROUP BY f.open_unit, f.e, f.o
