-- Step phases: who worked with an object before an earlier phase was done with it (docs/model.md, "Phases").
--
--   staged     b, rank, began          branches whose phase has a place in the phase order
--   overtaken  n, how, e, found_e, o, b     of each branch and object the first event that an earlier phase overtook by a later
--                                      change. how = 'use': any read or write (DRF501), and found_e = e; how = 'compression':
--                                      a read by compression (DRF502), and found_e = the write made of it, else e
--   overtaker  n, b, f, w              by which branch, in which field, and by which write first; the next 64 branches
--
-- A branch of an earlier phase *works* on a field from its own beginning to its last change of it. An event is overtaken
-- by all who worked on its fields then, kin excepted: they are counted, begun so far less done so far, never joined.

CREATE TABLE staged AS
SELECT b.b, p.rank, b.began FROM branch AS b JOIN policy_phase AS p ON p.phase = b.phase;

-- What each phase did to each object: most objects are left alone by a phase before the next one comes, and end here.
CREATE TEMP TABLE contested AS
WITH touch AS (
    SELECT x.o, s.rank, min(x.e) AS first
    FROM (
        SELECT o, b, e FROM read WHERE pos IS NOT NULL
        UNION ALL
        SELECT o, b, e FROM write WHERE NOT void AND pos IS NOT NULL
    ) AS x JOIN staged AS s ON s.b = x.b
    GROUP BY x.o, s.rank
),
change AS (
    SELECT x.o, s.rank, max(x.e) AS last FROM setting AS x JOIN staged AS s ON s.b = x.b WHERE x.changed GROUP BY x.o, s.rank
)
SELECT t.o, t.rank, max(c.last) AS last
FROM touch AS t JOIN change AS c ON c.o = t.o AND c.rank < t.rank AND c.last > t.first
GROUP BY t.o, t.rank;

-- The work of all phases before `rank`; f = 0 is any field.
CREATE TEMP TABLE work AS
WITH own AS (
    SELECT o, f, b, max(e) AS last FROM setting SEMI JOIN contested USING (o) WHERE changed GROUP BY o, f, b
),
every AS (
    SELECT o, f, b, last FROM own UNION ALL SELECT o, 0, b, max(last) FROM own GROUP BY o, b
)
SELECT w.o, w.f, c.rank, w.b, s.began, w.last, row_number() OVER (PARTITION BY w.o, w.f, c.rank ORDER BY w.last) AS no
FROM every AS w JOIN staged AS s ON s.b = w.b JOIN contested AS c ON c.o = w.o AND s.rank < c.rank;

CREATE TEMP TABLE probe AS
WITH looked AS (
    SELECT r.e, r.o, r.b, s.rank, p.phase, r.whole, c.last, lead(r.e) OVER (PARTITION BY r.b, r.o ORDER BY r.e) AS again
    FROM read AS r JOIN staged AS s ON s.b = r.b JOIN policy_phase AS p ON p.rank = s.rank
    JOIN contested AS c ON c.o = r.o AND c.rank = s.rank
    WHERE r.pos IS NOT NULL
),
made AS (
    SELECT e, b FROM write WHERE NOT void AND pos IS NOT NULL AND b IN (SELECT b FROM looked WHERE phase = 'compression')
),
compressed AS (
    SELECT l.*, coalesce(m.e, l.e) AS found_e
    FROM (FROM looked WHERE phase = 'compression') AS l ASOF LEFT JOIN made AS m ON m.b = l.b AND m.e > l.e
    WHERE l.again IS NULL OR m.e < l.again
),
read_once AS (
    SELECT 'use' AS how, e, e AS found_e, o, b, rank, whole FROM looked WHERE e < last
    UNION ALL
    SELECT 'compression', e, found_e, o, b, rank, whole FROM compressed WHERE e < last
)
SELECT how, e, found_e, o, b, rank, 0 AS f FROM read_once WHERE whole
UNION ALL
SELECT r.how, r.e, r.found_e, r.o, r.b, r.rank, f.f FROM read_once AS r JOIN field AS f ON f.e = r.e WHERE NOT r.whole
UNION ALL
SELECT 'use', s.e, s.e, s.o, s.b, c.rank, s.f
FROM setting AS s JOIN staged AS x ON x.b = s.b JOIN contested AS c ON c.o = s.o AND c.rank = x.rank
WHERE s.e < c.last;

-- Of each probe: how many had begun to work on its field by then, and how many of them were done.
CREATE TEMP TABLE busy AS
WITH begun AS (
    SELECT o, f, rank, began, row_number() OVER (PARTITION BY o, f, rank ORDER BY began) AS no FROM work
)
SELECT p.*, coalesce(d.no, 0) AS done, b.no - coalesce(d.no, 0) AS working
FROM probe AS p
ASOF JOIN begun AS b ON b.o = p.o AND b.f = p.f AND b.rank = p.rank AND p.found_e > b.began
ASOF LEFT JOIN work AS d ON d.o = p.o AND d.f = p.f AND d.rank = p.rank AND p.e > d.last
WHERE b.no > coalesce(d.no, 0);

-- The same of its kin, who do not count.
CREATE TEMP TABLE kin AS
SELECT b, ancestor AS kin FROM descent UNION SELECT ancestor, b FROM descent;

CREATE TABLE overtaken AS
WITH kin_work AS (
    SELECT c.b, w.o, w.f, w.began, w.last
    FROM (SELECT DISTINCT o, f, rank, b FROM busy) AS c JOIN kin AS k ON k.b = c.b
    JOIN work AS w ON w.b = k.kin AND w.o = c.o AND w.f = c.f AND w.rank = c.rank
),
begun AS (
    SELECT b, o, f, began, row_number() OVER (PARTITION BY b, o, f ORDER BY began) AS no FROM kin_work
),
done AS (
    SELECT b, o, f, last, row_number() OVER (PARTITION BY b, o, f ORDER BY last) AS no FROM kin_work
),
strangers AS (
    SELECT p.how, p.e, p.found_e, p.o, p.b
    FROM busy AS p
    ASOF LEFT JOIN begun AS b ON b.b = p.b AND b.o = p.o AND b.f = p.f AND p.found_e > b.began
    ASOF LEFT JOIN done AS d ON d.b = p.b AND d.o = p.o AND d.f = p.f AND p.e > d.last
    WHERE p.working > coalesce(b.no, 0) - coalesce(d.no, 0)
)
SELECT row_number() OVER (ORDER BY how, min(e), o)::INTEGER AS n, how, min(e) AS e, min_by(found_e, e) AS found_e, o, b
FROM strangers GROUP BY how, o, b;

-- Those who were still to finish, the next first.
CREATE TABLE overtaker AS
WITH next AS (
    SELECT x.n, x.e, x.found_e, x.b, p.o, p.f, p.rank, unnest(range(p.done + 1, p.done + 65)) AS no
    FROM overtaken AS x JOIN busy AS p ON p.how = x.how AND p.e = x.e AND p.o = x.o
),
stranger AS (
    SELECT x.n, x.e, x.o, x.rank, x.f, w.b
    FROM next AS x JOIN work AS w ON w.o = x.o AND w.f = x.f AND w.rank = x.rank AND w.no = x.no AND w.began < x.found_e
    ANTI JOIN kin AS k ON k.b = x.b AND k.kin = w.b
),
named AS (
    SELECT n, e, o, b, f FROM stranger WHERE f > 0
    UNION ALL
    SELECT x.n, x.e, x.o, x.b, w.f
    FROM (FROM stranger WHERE f = 0) AS x
    JOIN work AS w ON w.o = x.o AND w.b = x.b AND w.rank = x.rank AND w.f > 0 AND w.last > x.e
)
SELECT x.n, x.b, x.f, s.e AS w
FROM named AS x
ASOF JOIN (FROM setting SEMI JOIN named USING (o, f, b) WHERE changed) AS s
    ON s.o = x.o AND s.f = x.f AND s.b = x.b AND s.e > x.e;

DROP TABLE contested;
DROP TABLE work;
DROP TABLE probe;
DROP TABLE busy;
DROP TABLE kin;
