-- code: DRF303
-- severity: error
-- standard: foreign-key violation by a delete without restrict or cascade (referential integrity, Codd 1970)
-- message: {branch} removed {object} while references that {others} had set still named it
-- fix (unit): Let the unit of {branch} that deletes {object} clear the references that {others} had set, too.
-- fix (loose): Let {branch} delete {object} and clear what refers to it in one unit; the references that {others} had set still name it.
-- fix: Or mark it as retired instead of deleting it.
--
-- ## What it finds
-- A delete of an object while a field of another object, which is not removed itself, still refers to it: the newest
-- write of that field, by then, set the reference. A unit that goes on to set the field to something else, or to
-- remove the object that holds it, is not found.
--
-- ## Why it matters
-- The state is broken from this moment on, and nothing says so: the link was right when it was written, and the
-- delete was right by what its branch had read. Whoever follows the link next finds nothing.
--
-- ## Example
-- A cleaner finds `agent/1` idle and deletes it. Since it looked, a planner has set `/owner` of `task/7` to
-- `agent/1`.
--
-- ## Fix
-- Look for references in the same atomic step that deletes; or clear them in the same unit; or retire the object (a
-- tombstone, a status) instead of deleting it.
--
-- ## Known limits
-- References are seen only where they are declared (`refs=`, `references=`) or the policy declares them, and only at
-- fields that the write sets. What stands when is judged by the time of recording, since no store orders two
-- objects. Of an object with more than 1,000 references the newest 1,000 are looked at.

WITH removing AS (
    SELECT d.e, d.o, d.outermost
    FROM write AS d ASOF LEFT JOIN newest AS n ON n.o = d.o AND d.e > n.e
    SEMI JOIN reference AS r ON r.target = d.o
    WHERE d.op = 'delete' AND NOT d.void AND d.pos IS NOT NULL AND (n.e IS NULL OR n.write.op <> 'delete')
),
named AS (
    SELECT r.e, r.o, r.path, r.target, string_split(r.path, '/') AS parts
    FROM reference AS r SEMI JOIN removing AS d ON d.o = r.target
    WHERE r.o <> r.target
),
-- The field that a reference stands in: of its own path, or of the longest one above it.
holder AS (
    SELECT w.path, f.f, length(f.path) AS length
    FROM (
        SELECT path, unnest(list_transform(range(1, len(parts) + 1), lambda n: array_to_string(parts[:n], '/'))) AS above
        FROM (SELECT DISTINCT path, parts FROM named)
    ) AS w JOIN path AS f ON f.path = w.above AND NOT f.whole
),
held AS (
    SELECT r.e, r.o, r.target, max_by(h.f, h.length) AS f
    FROM named AS r JOIN holder AS h ON h.path = r.path
    JOIN setting AS s ON s.e = r.e AND s.f = h.f AND s.listed AND s.digest IS NOT NULL
    GROUP BY r.e, r.o, r.target, r.path
),
-- A setting stands from when it was recorded until one behind it in the order of versions is.
life AS (
    SELECT e, f, min(e) OVER (PARTITION BY o, f ORDER BY pos, e ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS over
    FROM setting SEMI JOIN held USING (o, f)
),
link AS (
    SELECT DISTINCT h.*, l.over FROM held AS h JOIN life AS l ON l.e = h.e AND l.f = h.f
    WHERE l.over IS NULL OR l.over > h.e
),
numbered AS (
    SELECT *, row_number() OVER (PARTITION BY target ORDER BY e, f) AS no FROM link
),
-- How many references had been set, and how many were over, by then.
set_by AS (
    SELECT target, e, max(no) AS count FROM numbered GROUP BY target, e
),
over_by AS (
    SELECT target, over AS e, max(no) AS count
    FROM (
        SELECT target, over, row_number() OVER (PARTITION BY target ORDER BY over) AS no FROM link WHERE over IS NOT NULL
    )
    GROUP BY target, over
),
pair AS (
    SELECT d.e, d.o, d.outermost, unnest(range(greatest(s.count - 999, 1), s.count + 1)) AS no
    FROM removing AS d
    ASOF JOIN set_by AS s ON s.target = d.o AND d.e > s.e
    ASOF LEFT JOIN over_by AS x ON x.target = d.o AND d.e > x.e
    WHERE s.count > coalesce(x.count, 0)
),
standing AS (
    SELECT p.e, p.outermost, l.target, l.e AS set_e, l.o, l.f
    FROM pair AS p
    JOIN numbered AS l ON l.target = p.o AND l.no = p.no AND (l.over IS NULL OR l.over > p.e)
    ASOF LEFT JOIN newest AS n ON n.o = l.o AND p.e > n.e
    WHERE n.e IS NULL OR n.write.op <> 'delete'
),
-- What goes on in one unit with the delete to mend what it broke.
unit_setting AS (
    SELECT w.outermost, s.o, s.f, s.e
    FROM setting AS s JOIN write AS w ON w.e = s.e SEMI JOIN standing AS d ON d.outermost = w.outermost
),
unit_delete AS (
    SELECT outermost, o, max(e) AS e FROM write
    WHERE op = 'delete' AND NOT void AND outermost IS NOT NULL GROUP BY outermost, o
),
mended AS (
    SELECT s.e, s.set_e, s.f
    FROM standing AS s
    JOIN unit_setting AS later
        ON later.outermost = s.outermost AND later.o = s.o AND later.f = s.f AND later.e > s.e
    ANTI JOIN held AS again ON again.e = later.e AND again.f = later.f AND again.target = s.target
    UNION
    SELECT s.e, s.set_e, s.f
    FROM standing AS s JOIN unit_delete AS d ON d.outermost = s.outermost AND d.o = s.o AND d.e > s.e
)
SELECT s.e, []::VARCHAR[] AS fields, list_sort(list(DISTINCT w.b)) AS others,
    list_sort(list(DISTINCT s.set_e))[:64] AS against, NULL::VARCHAR AS base, 'recorded' AS basis
FROM standing AS s ANTI JOIN mended AS m ON m.e = s.e AND m.set_e = s.set_e AND m.f = s.f
JOIN write AS w ON w.e = s.set_e
GROUP BY s.e
