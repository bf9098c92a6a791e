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
-- What each piece sets, with the position from which another write outside the group has set it again.
spanned AS (
    SELECT p.*, f.f,
        (
            SELECT min(s.pos) FROM setting AS s LEFT JOIN unit AS su ON su.u = (SELECT u FROM write AS sw WHERE sw.e = s.e)
            WHERE s.o = p.o AND s.f = f.f AND {'pos': s.pos, 'e': s.e} > {'pos': p.pos, 'e': p.e}
                AND su.open_unit IS DISTINCT FROM p.open_unit
        ) AS until
    FROM piece AS p JOIN field AS f ON f.e = p.e
    WHERE p.op <> 'delete'
    UNION ALL
    SELECT p.*, 0,
        (
            SELECT min(w.pos) FROM write AS w LEFT JOIN unit AS wu ON wu.u = w.u
            WHERE w.o = p.o AND NOT w.void AND {'pos': w.pos, 'e': w.e} > {'pos': p.pos, 'e': p.e}
                AND wu.open_unit IS DISTINCT FROM p.open_unit
        )
    FROM piece AS p
    WHERE p.op = 'delete'
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
    SELECT p.open_unit, p.e, p.o, NULL, NULL FROM spanned AS p WHERE p.effective = 1 AND p.until IS NULL
),
first AS (
    SELECT open_unit, min(e) AS e, min_by(o, e) AS o FROM seen GROUP BY open_unit
)
SELECT f.e,
    coalesce((
        SELECT list(DISTINCT path.path ORDER BY path.path) FROM piece AS p JOIN field USING (e) JOIN path USING (f)
        WHERE p.open_unit = f.open_unit AND p.o = f.o
    ), []) AS fields,
    coalesce(list(DISTINCT s.other ORDER BY s.other) FILTER (s.other IS NOT NULL), []) AS others,
    coalesce(list(DISTINCT s.sighting ORDER BY s.sighting) FILTER (s.sighting IS NOT NULL), []) AS against,
    NULL::VARCHAR AS base,
    CASE WHEN (SELECT outcome FROM unit WHERE unit.u = f.open_unit) = 2 THEN 'recorded' ELSE 'inferred' END AS basis
FROM first AS f JOIN seen AS s ON s.open_unit = f.open_unit
GROUP BY f.open_unit, f.e, f.o
