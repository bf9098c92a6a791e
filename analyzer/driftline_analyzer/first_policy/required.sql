-- The fields that the objects of each type have, as DRF402 learns them: type, how many objects stand at the end, how many of
-- these got one of the fields only after their first version, and the fields filled in 95 % of them if there are 20 or more; of
-- a field and one below it, only the one below.

WITH last AS (
    SELECT o, max_by({'e': e, 'op': op, 'full_no': full_no}, {'pos': pos, 'e': e}) AS v
    FROM write WHERE NOT void AND pos IS NOT NULL GROUP BY o
),
peer AS (
    SELECT l.o, o.type, count(*) OVER (PARTITION BY o.type) AS peers
    FROM last AS l JOIN object AS o ON o.o = l.o
    WHERE l.v.op <> 'delete' AND l.v.full_no > 0 AND o.type IS NOT NULL
),
filled AS (
    SELECT s.o, s.f FROM setting AS s SEMI JOIN (FROM peer WHERE peers >= 20) AS p ON p.o = s.o
    WHERE s.until IS NULL AND s.digest IS NOT NULL AND coalesce(s.leaves, 1) > 0
),
had AS (
    SELECT o, f FROM filled
    UNION
    SELECT s.o, a.g FROM filled AS s JOIN above AS a ON a.f = s.f
),
usual AS (
    SELECT p.type, h.f, count(*) AS have
    FROM had AS h JOIN peer AS p ON p.o = h.o
    GROUP BY p.type, h.f
    HAVING 100 * count(*) >= 95 * any_value(p.peers)
),
lowest AS (
    SELECT u.type, u.f, u.have FROM usual AS u
    WHERE NOT EXISTS (
        SELECT 1 FROM above AS a JOIN usual AS x ON x.f = a.f WHERE a.g = u.f AND x.type = u.type)
),
begun AS (
    SELECT o, min(pos) AS pos FROM write SEMI JOIN peer USING (o) WHERE NOT void GROUP BY o
),
got AS (
    SELECT s.o, s.f, min(s.pos) AS pos FROM setting AS s SEMI JOIN peer USING (o)
    WHERE s.digest IS NOT NULL AND coalesce(s.leaves, 1) > 0 GROUP BY s.o, s.f
),
late AS (
    SELECT p.type, count(DISTINCT p.o) AS objects
    FROM peer AS p JOIN begun AS b ON b.o = p.o
    JOIN lowest AS l ON l.type = p.type
    JOIN got AS g ON g.o = p.o AND g.f = l.f AND g.pos > b.pos
    GROUP BY p.type
)
SELECT t.type, t.peers, coalesce(any_value(s.objects), 0), list({'path': p.path, 'have': l.have} ORDER BY p.path) FILTER (p.path IS NOT NULL) AS fields
FROM (SELECT type, any_value(peers) AS peers FROM peer GROUP BY type) AS t
LEFT JOIN late AS s ON s.type = t.type
LEFT JOIN lowest AS l ON l.type = t.type
LEFT JOIN path AS p ON p.f = l.f
GROUP BY t.type, t.peers
ORDER BY t.type
