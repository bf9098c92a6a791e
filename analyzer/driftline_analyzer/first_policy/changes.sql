-- How fields that several branches changed were changed: the oldest 400 changes of each, with what their writers had seen.
--
--   type, pattern, changes, branches, lost, op, seen, wrote, confidence, seen_size, size
--
-- changes, branches and lost count all of a field's changes, the branches that made them, and the updates lost. Values are JSON
-- as recorded, null where there was none or where it is not known.

, shared AS (
    SELECT o, f FROM setting WHERE changed GROUP BY o, f HAVING min(b) <> max(b)
),
change_of AS (
    SELECT p.type, p.pattern, s.e, s.f, s.o, s.b, s.base_pos, s.digest, s.size, l.e IS NOT NULL AS lost
    FROM setting AS s
    JOIN shared AS c ON c.o = s.o AND c.f = s.f
    JOIN object AS o ON o.o = s.o
    JOIN pattern AS p ON p.type = o.type AND p.f = s.f
    LEFT JOIN (SELECT DISTINCT e, f FROM loss WHERE kind <> 'blind') AS l ON l.e = s.e AND l.f = s.f
    WHERE s.changed
),
counted AS (
    SELECT type, pattern, count(*) AS changes, count(DISTINCT b) AS branches, count(*) FILTER (lost) AS lost,
        min({'e': e, 'f': f}, 400) AS oldest
    FROM change_of GROUP BY type, pattern
),
sampled AS (
    SELECT c.*, x.* EXCLUDE (type, pattern, lost)
    FROM (SELECT type, pattern, changes, branches, lost, unnest(oldest) AS one FROM counted) AS c
    JOIN change_of AS x ON x.e = c.one.e AND x.f = c.one.f
),
stood AS (
    SELECT s.o, s.f, s.pos, s.e, s.size FROM setting AS s SEMI JOIN sampled AS x ON x.o = s.o AND x.f = s.f
)
SELECT x.type, x.pattern, x.changes, x.branches, x.lost, seen.value, wrote.value, w.confidence, at_base.size, x.size
FROM sampled AS x
ASOF LEFT JOIN stood AS at_base ON at_base.o = x.o AND at_base.f = x.f AND x.base_pos >= at_base.pos
LEFT JOIN field AS seen ON seen.e = at_base.e AND seen.f = at_base.f
LEFT JOIN field AS wrote ON wrote.e = x.e AND wrote.f = x.f
JOIN write AS w ON w.e = x.e
ORDER BY x.type, x.pattern, x.e, x.f
