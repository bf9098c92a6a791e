-- code: DRF107
-- severity: note
-- standard: stale base version, benign under field-level merge (optimistic concurrency control, Kung and Robinson 1981)
-- message: {branch} wrote {object} from version {base} although {others} had changed {fields} since; nothing was lost this time
--
-- ## What it finds
-- A write whose base version was no longer the current one when it landed: another branch had changed the object in
-- between, but no field of this write was lost by it.
--
-- ## Why it matters
-- The same schedule with one more shared field is a lost update. A system that shows many of these works by luck.
--
-- ## Example
-- Two branches read version 1. The first patches `/a`, the second patches `/b`, both from version 1. The fields are
-- disjoint, so both survive.
--
-- ## Fix
-- None needed if the fields are disjoint by design. Otherwise check the version before writing.
--
-- ## Known limits
-- With an inferred base, only reads and writes of the whole object count as a base of the object; a field that was read
-- alone is stale only if that field was changed.

WITH stale AS (
    SELECT i.e, i.o, i.before, i.b, i.base_pos, w.base, w.declared
    FROM intervening AS i JOIN write AS w ON w.e = i.e
    WHERE i.f = 0
        AND (w.declared OR EXISTS (SELECT 1 FROM setting AS s WHERE s.e = i.e AND s.base_pos = i.base_pos))
        AND NOT EXISTS (SELECT 1 FROM loss AS l WHERE l.e = i.e)
),
moved AS (
    SELECT s.e, x.u, x.b, unnest((SELECT list(c.f) FROM setting AS c WHERE c.e = x.u AND c.changed)) AS f
    FROM stale AS s JOIN intervened() AS x ON x.e = s.e AND x.f = 0
)
SELECT s.e, list_sort(list(DISTINCT p.path)) AS fields, list_sort(list(DISTINCT m.b)) AS others,
    list_sort(list(DISTINCT m.u)) AS against, any_value(s.base) AS base,
    CASE WHEN any_value(s.declared) THEN 'recorded' ELSE 'inferred' END AS basis
FROM stale AS s JOIN moved AS m ON m.e = s.e JOIN path AS p ON p.f = m.f
GROUP BY s.e
