-- After the findings, stakes: which events set the values that each field of a finding is about.
--
--   stake  n, f, base_e, lost_e, won_e, other_e
--          of each finding the first `pipeline.STAKE_FIELDS` fields, by path
--          base_e   what the branch had seen: the setting that stood at the base of its write, or what its read saw
--          lost_e   the newest change by another branch that the write at fault took away
--          won_e    the event at fault, if its write set or removed the field, or its read found another value than stood
--          other_e  where nothing was lost: the newest of the events against it that changed the field, unless it is the base
--
-- Any of them may be null. `field` has the value at (event, f); no row there means that the field was removed.

-- Tables rather than parts of one query, so that it is known how few rows they have: else the whole trace would be hashed.
CREATE TEMP TABLE concerned AS
SELECT d.n, d.e, d.code, p.f, x.o, x.op = 'read' AS is_read
FROM (SELECT n, e, code, unnest(list_sort(fields)[:getvariable('stake_fields')]) AS path FROM finding) AS d
JOIN path AS p ON p.path = d.path AND NOT p.whole
JOIN event AS x ON x.e = d.e;

CREATE TEMP TABLE seen AS
SELECT c.*, coalesce(l.base_pos, s.base_pos, w.base_pos, r.pos) AS base_pos, coalesce(l.u, i.s) AS lost_e,
    s.e IS NOT NULL OR listed.e IS NOT NULL AS sets, listed.digest
FROM concerned AS c
LEFT JOIN loss AS l ON l.e = c.e AND l.f = c.f
LEFT JOIN inversion AS i ON i.e = c.e AND i.f = c.f
LEFT JOIN (SELECT e, f, base_pos FROM setting SEMI JOIN concerned USING (e, f)) AS s ON s.e = c.e AND s.f = c.f
LEFT JOIN write AS w ON w.e = c.e
LEFT JOIN read AS r ON r.e = c.e
LEFT JOIN (SELECT e, f, digest FROM field SEMI JOIN concerned USING (e, f)) AS listed ON listed.e = c.e AND listed.f = c.f;

-- The writes among the events that show a finding which lost nothing by itself.
CREATE TEMP TABLE witness AS
SELECT a.n, a.e, w.o, w.void OR w.pos IS NULL AS unplaced
FROM (
    SELECT n, unnest(against) AS e FROM finding SEMI JOIN (SELECT n FROM seen WHERE lost_e IS NULL) AS wanting USING (n)
) AS a
JOIN write AS w ON w.e = a.e;

-- The writes of the very version that a read at fault saw.
CREATE TEMP TABLE version_write AS
SELECT s.n, s.f, w.e
FROM (FROM seen WHERE is_read) AS s JOIN read AS r ON r.e = s.e JOIN write AS w ON w.o = r.o AND w.v = r.v AND w.e < r.e;

CREATE TABLE stake AS
WITH placed AS (
    SELECT o, f, pos, e, digest FROM setting SEMI JOIN seen USING (o, f) WHERE until IS NULL OR until > pos
),
-- What a read saw is what the newest write of its very version before it lists, void or not; else what stood there.
exact AS (
    SELECT x.n, x.f, max_by({'e': v.e, 'digest': v.digest}, v.e) AS last
    FROM version_write AS x JOIN field AS v ON v.e = x.e AND v.f = x.f
    GROUP BY x.n, x.f
),
based AS (
    SELECT s.*, CASE WHEN x.n IS NULL THEN p.e ELSE x.last.e END AS base_e,
        CASE WHEN x.n IS NULL THEN p.digest ELSE x.last.digest END AS base_digest
    FROM seen AS s
    ASOF LEFT JOIN placed AS p ON p.o = s.o AND p.f = s.f AND s.base_pos >= p.pos
    LEFT JOIN exact AS x ON x.n = s.n AND x.f = s.f
),
-- What they set: of writes that count, what they changed, since full ones list much more; of others, what they list.
answer AS (
    SELECT a.n, a.e, a.o, s.f FROM witness AS a JOIN (FROM setting WHERE changed) AS s ON s.e = a.e
    UNION ALL
    SELECT a.n, a.e, a.o, v.f FROM witness AS a JOIN field AS v ON v.e = a.e WHERE a.unplaced
),
other AS (
    SELECT s.n, s.f, max(a.e) AS other_e
    FROM (FROM seen WHERE lost_e IS NULL) AS s JOIN answer AS a ON a.n = s.n AND a.f = s.f AND a.o = s.o
    GROUP BY s.n, s.f
),
-- Without an order of versions no loss is known by position: what the others set from the same base is what is lost.
told AS (
    SELECT b.n, b.f, b.base_e,
        CASE WHEN b.code = 'DRF101' THEN coalesce(b.lost_e, o.other_e) ELSE b.lost_e END AS lost_e,
        CASE WHEN NOT b.sets THEN NULL
            WHEN NOT b.is_read OR (b.base_e IS NOT NULL AND b.base_digest IS DISTINCT FROM b.digest) THEN b.e END AS won_e,
        o.other_e
    FROM based AS b LEFT JOIN other AS o ON o.n = b.n AND o.f = b.f
)
SELECT n, f, base_e, lost_e, won_e,
    CASE WHEN lost_e IS NULL AND other_e IS DISTINCT FROM base_e THEN other_e END AS other_e
FROM told ORDER BY n, f;

DROP TABLE concerned;
DROP TABLE seen;
DROP TABLE witness;
DROP TABLE version_write;
