-- Which fields the types have, those with names of their own in each object (keys of a mapping) taken together under `*`:
--
--   told     type, f, o           a type's object that has a field
--   pattern  type, f, pattern     what the field is called in a policy
--
-- A place in a path is taken for a key if more than 8 names stand there that at most half of the type's objects share, or
-- more than 64 whoever shares them. The beginning of a query: what follows goes on with a comma or a SELECT.

WITH told AS (
    SELECT DISTINCT o.type, f.f, w.o
    FROM field AS f JOIN write AS w ON w.e = f.e AND NOT w.void JOIN object AS o ON o.o = w.o
    WHERE o.type IS NOT NULL
),
sized AS (
    SELECT t.type, t.f, any_value(p.path) AS path, count(*) AS objects, any_value(n.objects) AS of
    FROM told AS t
    JOIN path AS p ON p.f = t.f AND NOT p.whole
    JOIN (SELECT type, count(DISTINCT o) AS objects FROM told GROUP BY type) AS n ON n.type = t.type
    GROUP BY t.type, t.f
),
place AS (
    SELECT type, f, objects, of, string_split(path, '/') AS parts, unnest(range(2, len(parts) + 1)) AS no FROM sized
),
around AS (
    SELECT *, list_slice(parts, 1, no - 1) AS before, list_slice(parts, no + 1, len(parts)) AS behind FROM place
),
keyed AS (
    SELECT type, no, before, behind FROM around GROUP BY ALL
    HAVING count(*) FILTER (2 * objects <= of) > 8 OR count(*) > 64
),
key_place AS (
    SELECT a.type, a.f, list(a.no) AS keys
    FROM around AS a JOIN keyed AS k ON k.type = a.type AND k.no = a.no AND k.before = a.before AND k.behind = a.behind
    WHERE 2 * a.objects <= a.of OR a.of <= 1
    GROUP BY a.type, a.f
),
pattern AS (
    SELECT s.type, s.f, CASE WHEN k.keys IS NULL THEN s.path ELSE array_to_string(list_transform(
        string_split(s.path, '/'), lambda part, no: CASE WHEN list_contains(k.keys, no) THEN '*' ELSE part END), '/') END AS pattern
    FROM sized AS s LEFT JOIN key_place AS k ON k.type = s.type AND k.f = s.f
)
