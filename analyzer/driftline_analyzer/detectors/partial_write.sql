-- code: DRF401
-- severity: error
-- standard: torn write; broken atomicity of a unit of work (Haerder and Reuter 1983)
-- message: {branch} left {fields} of {object} half-written: its unit of writes never completed, and the pieces are visible
-- fix: Undo or finish by hand what the unit of {branch} left in {object}, version {version}; then let such a unit write to a version that is promoted at its end.
-- fix (one): What {others} made of it must be derived again.
-- fix (several): What {others} made of it must be derived again.
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
-- definition, and what was only proposed to a store that did not let it in is no piece. Of a piece that stands for very long, those who saw one of the next 1,000 versions are named.

WITH piece AS (
    SELECT w.e, w.o, w.b, w.op, w.pos, {'pos': w.pos, 'e': w.e} AS place, u.open_unit, u.effective
    FROM write AS w JOIN unit AS u ON u.u = w.u
    -- What only was proposed to a store, and not let in (docs/discipline.md), is no piece of anything.
    WHERE u.effective <> 0 AND w.pos IS NOT NULL AND u.name <> 'driftline.proposal'
),
-- What each piece sets, or would have set.
assigned AS (
    SELECT p.e, s.f FROM piece AS p JOIN setting AS s ON s.e = p.e
    UNION
    SELECT p.e, s.f FROM piece AS p JOIN undone AS s ON s.e = p.e
),
-- Each piece ends where a write outside its group sets the field, or the whole object, again: a delete where any does.
part AS (
    SELECT p.*, a.f, a.f AS ended_by FROM piece AS p JOIN assigned AS a ON a.e = p.e WHERE p.op <> 'delete'
    UNION ALL
    SELECT p.*, a.f, 0 FROM piece AS p JOIN assigned AS a ON a.e = p.e WHERE p.op <> 'delete'
    UNION ALL
    SELECT *, 0, -1 FROM piece WHERE op = 'delete'
),
-- All that may end one, in its order: settings, with f = 0 full writes, with f = -1 any; `other_pos` is the first after it
-- of another group.
numbered AS (
    SELECT x.o, x.f, x.pos, {'pos': x.pos, 'e': x.e} AS place, u.open_unit
    FROM (
        SELECT s.o, s.f, s.pos, s.e, w.u FROM setting AS s JOIN write AS w ON w.e = s.e SEMI JOIN piece AS p ON p.o = s.o
        UNION ALL
        SELECT o, 0, pos, e, u FROM write SEMI JOIN piece USING (o) WHERE NOT void AND pos IS NOT NULL AND is_full
        UNION ALL
        SELECT o, -1, pos, e, u FROM write SEMI JOIN (FROM piece WHERE op = 'delete') AS p USING (o)
        WHERE NOT void AND pos IS NOT NULL
    ) AS x SEMI JOIN part AS p ON p.o = x.o AND p.ended_by = x.f LEFT JOIN unit AS u ON u.u = x.u
),
turned AS (
    SELECT *, CASE WHEN lead(coalesce(open_unit, 0)) OVER cell <> coalesce(open_unit, 0) THEN lead(pos) OVER cell END
        AS turn
    FROM numbered
    WINDOW cell AS (PARTITION BY o, f ORDER BY place)
),
ending AS (
    SELECT *, first_value(turn IGNORE NULLS) OVER (
        PARTITION BY o, f ORDER BY place ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS other_pos
    FROM turned
),
span AS (
    SELECT p.e, p.o, p.b, p.pos, p.open_unit, p.effective, p.f,
        min(CASE WHEN x.open_unit IS DISTINCT FROM p.open_unit THEN x.pos ELSE x.other_pos END) AS until
    FROM part AS p ASOF LEFT JOIN ending AS x ON x.o = p.o AND x.f = p.ended_by AND p.place < x.place
    GROUP BY ALL
),
sighting AS (
    SELECT r.e, r.o, r.b, r.pos, r.u FROM read AS r SEMI JOIN piece AS p ON p.o = r.o
    WHERE r.pos IS NOT NULL
    UNION ALL
    SELECT s.e, s.o, s.b, s.base_pos, w.u
    FROM setting AS s JOIN write AS w ON w.e = s.e SEMI JOIN piece AS p ON p.o = s.o
    WHERE s.base_pos IS NOT NULL
),
-- The positions that were seen, numbered, so that each span names the few that lie in it instead of trying all of them.
sighted AS (
    SELECT o, pos, row_number() OVER (PARTITION BY o ORDER BY pos) AS no
    FROM (SELECT DISTINCT o, pos FROM sighting)
),
reached AS (
    SELECT s.*, unnest(range(first.no, least(coalesce(last.no, 0) + 1, first.no + 1000))) AS no
    FROM span AS s
    ASOF JOIN sighted AS first ON first.o = s.o AND s.pos <= first.pos
    ASOF LEFT JOIN sighted AS last ON last.o = s.o AND coalesce(s.until, 9223372036854775807) > last.pos
),
-- Materialized, or every piece meets every sighting of its object before their positions are compared.
met AS MATERIALIZED (
    SELECT p.open_unit, p.e, p.o, p.b, n.pos FROM reached AS p JOIN sighted AS n ON n.o = p.o AND n.no = p.no
),
seen AS (
    SELECT p.open_unit, p.e, p.o, s.b AS other, s.e AS sighting
    FROM met AS p
    JOIN sighting AS s ON s.o = p.o AND s.pos = p.pos AND s.b <> p.b AND s.e > p.e
    LEFT JOIN unit AS u ON u.u = s.u
    WHERE u.open_unit IS DISTINCT FROM p.open_unit
    UNION
    SELECT p.open_unit, p.e, p.o, NULL, NULL FROM span AS p JOIN unit AS u ON u.u = p.open_unit
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
    coalesce(list(DISTINCT s.sighting ORDER BY s.sighting) FILTER (s.sighting IS NOT NULL), [])[1:64] AS against,
    NULL::VARCHAR AS base,
    CASE WHEN (SELECT outcome FROM unit WHERE unit.u = f.open_unit) = 2 THEN 'recorded' ELSE 'inferred' END AS basis
FROM first AS f JOIN seen AS s ON s.open_unit = f.open_unit
GROUP BY f.open_unit, f.e, f.o
