-- After the findings, stakes: which events set the values that each field of a finding is about.
--
--   stake  n, f, base_e, lost_e, won_e, other_e
--          base_e   what the branch had seen: the setting that stood at the base of its write, or what its read saw
--          lost_e   the newest change by another branch that the write at fault took away
--          won_e    the event at fault, if its write set or removed the field, or its read found another value than stood
--          other_e  where nothing was lost: the newest of the events against it that set the field, unless it is the base
--
-- Any of them may be null. `field` has the value at (event, f); no row there means that the field was removed.

CREATE TABLE stake AS
WITH concerned AS (
    SELECT d.n, d.e, d.code, d.against, p.f, x.o, x.op = 'read' AS is_read
    FROM (SELECT n, e, code, against, unnest(fields) AS path FROM finding) AS d
    JOIN path AS p ON p.path = d.path AND NOT p.whole
    JOIN event AS x ON x.e = d.e
),
-- What the events at fault list. Narrowed down first, here and below, or every field of the trace would be hashed.
listing AS (
    SELECT e, f, digest FROM field SEMI JOIN concerned USING (e, f)
),
seen AS (
    SELECT c.*, coalesce(l.base_pos, s.base_pos, w.base_pos, r.pos) AS base_pos, coalesce(l.u, i.s) AS lost_e,
        s.e IS NOT NULL OR listed.e IS NOT NULL AS sets, listed.digest
    FROM concerned AS c
    LEFT JOIN loss AS l ON l.e = c.e AND l.f = c.f
    LEFT JOIN inversion AS i ON i.e = c.e AND i.f = c.f
    LEFT JOIN setting AS s ON s.e = c.e AND s.f = c.f
    LEFT JOIN write AS w ON w.e = c.e
    LEFT JOIN read AS r ON r.e = c.e
    LEFT JOIN listing AS listed ON listed.e = c.e AND listed.f = c.f
),
placed AS (
    SELECT o, f, pos, e, digest FROM setting SEMI JOIN seen USING (o, f) WHERE until IS NULL OR until > pos
),
-- What a read saw is what the newest write of its very version before it lists, void or not; else what stood there.
exact AS (
    SELECT s.n, s.f, max_by({'e': w.e, 'digest': v.digest}, w.e) AS last
    FROM seen AS s
    JOIN read AS r ON r.e = s.e
    JOIN write AS w ON w.o = r.o AND w.v = r.v AND w.e < r.e
    JOIN field AS v ON v.e = w.e AND v.f = s.f
    WHERE s.is_read GROUP BY s.n, s.f
),
based AS (
    SELECT s.*, CASE WHEN x.n IS NULL THEN p.e ELSE x.last.e END AS base_e,
        CASE WHEN x.n IS NULL THEN p.digest ELSE x.last.digest END AS base_digest
    FROM seen AS s
    ASOF LEFT JOIN placed AS p ON p.o = s.o AND p.f = s.f AND s.base_pos >= p.pos
    LEFT JOIN exact AS x ON x.n = s.n AND x.f = s.f
),
-- The writes of the object among the events that show it.
against AS MATERIALIZED (
    SELECT a.n, a.f, a.e
    FROM (SELECT n, f, o, unnest(against) AS e FROM seen WHERE lost_e IS NULL) AS a
    JOIN write AS w ON w.e = a.e AND w.o = a.o
),
other AS (
    SELECT a.n, a.f, max(a.e) AS other_e
    FROM (
        SELECT e, f FROM setting SEMI JOIN against USING (e, f)
        UNION
        SELECT e, f FROM field SEMI JOIN against USING (e, f)
    ) AS s
    JOIN against AS a ON a.e = s.e AND a.f = s.f
    GROUP BY a.n, a.f
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
