-- code: DRF204
-- severity: error
-- standard: intermediate read, G1b (Adya 1999)
-- message: {branch} read {fields} of {object} in the middle of a unit of {others}, which changed it again before it committed
-- fix: Let {others} set {fields} of {object} once in the unit, or to a version that is promoted when it commits; {branch} must read again what it read at version {version}.
--
-- ## What it finds
-- A branch reads a version that another branch made in a unit, and the same unit went on to change a field that was read
-- before it committed. Reads inside the unit are its own business.
--
-- ## Why it matters
-- The version was never meant to be seen: it is a step on the way, and may contradict itself. Nobody ever decided
-- that this is what the object should be.
--
-- ## Example
-- A planner empties `/tasks` and fills it anew, both in one unit. A worker that reads the plan in between finds nothing to do, and
-- ends.
--
-- ## Fix
-- Make the changes of a unit visible together, when it commits: write once, or under a version of its own that is promoted at
-- the end; or let readers wait for the unit.
--
-- ## Known limits
-- Of a version that was written several times, a read is taken to have seen the newest one before it. Where the trace has no
-- order of versions, a field that a full write leaves out is not counted as changed.

WITH repeated AS (
    SELECT w.outermost, w.o FROM write AS w JOIN unit AS u ON u.u = w.outermost AND u.outcome = 0
    WHERE NOT w.void GROUP BY w.outermost, w.o HAVING count(*) > 1
),
written AS (
    SELECT w.e, w.o, w.v, w.b, w.u, w.outermost, {'pos': coalesce(w.pos, 0), 'e': w.e} AS place
    FROM write AS w SEMI JOIN repeated USING (outermost, o) WHERE NOT w.void
),
-- Where there is no order a write of the unit changes what it lists with another value than the one before it.
changed AS (
    SELECT y.outermost, y.o, s.f, y.place FROM written AS y JOIN setting AS s ON s.e = y.e WHERE s.changed
    UNION ALL
    SELECT outermost, o, f, place
    FROM (
        SELECT y.outermost, y.o, f.f, y.place, f.digest, lag(f.digest) OVER cell AS before, row_number() OVER cell AS no
        FROM written AS y JOIN field AS f ON f.e = y.e
        WHERE NOT getvariable('ordered')
        WINDOW cell AS (PARTITION BY y.outermost, y.o, f.f ORDER BY y.e)
    )
    WHERE no = 1 OR digest IS DISTINCT FROM before
),
last AS (
    SELECT outermost, o, f, max(place) AS place FROM changed GROUP BY outermost, o, f
),
reading AS (
    SELECT r.e, r.o, r.v, r.b, r.whole, x.e AS made, x.b AS other, x.outermost, x.place
    FROM read AS r
    JOIN written AS x ON x.o = r.o AND x.v = r.v AND x.b <> r.b
    JOIN unit AS u ON u.u = x.u AND u.effective = 0
    LEFT JOIN remade AS m ON m.e = r.e
    WHERE coalesce(m.made, x.e) = x.e AND r.outermost IS DISTINCT FROM x.outermost
),
seen AS (
    SELECT r.*, l.f, l.place.e AS y FROM reading AS r JOIN last AS l ON l.outermost = r.outermost AND l.o = r.o
    WHERE r.whole AND l.place > r.place
    UNION ALL
    SELECT r.*, l.f, l.place.e
    FROM reading AS r JOIN field AS f ON f.e = r.e
    JOIN last AS l ON l.outermost = r.outermost AND l.o = r.o AND l.f = f.f
    WHERE NOT r.whole AND l.place > r.place
),
first AS (
    SELECT b, o, v, min(e) AS e FROM seen GROUP BY b, o, v
)
SELECT s.e, list(DISTINCT p.path ORDER BY p.path) AS fields, [any_value(s.other)] AS others,
    list_sort([any_value(s.made), max_by(s.y, s.place)]) AS against, NULL::VARCHAR AS base,
    CASE WHEN any_value(e.version_inferred) THEN 'inferred' ELSE 'recorded' END AS basis
FROM first
JOIN seen AS s ON s.e = first.e
JOIN path AS p ON p.f = s.f
JOIN event AS e ON e.e = s.e
GROUP BY s.e
