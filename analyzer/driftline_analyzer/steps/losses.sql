-- Step 6, losses: which fields each write lost, and to which intervening writes (docs/model.md, "Lost fields").
--
--   change       o, f, c, pos, e, b      every change of a field in which some write may have lost something, numbered c
--                                        from 1 in its order; with f = 0, every write that changes any field of an object
--   intervening  e, o, f, base_pos, u    a write and the newest change that intervened in it
--   loss         e, o, f, kind, base_pos, declared, u
--   table macros intervened(), overtaken(merges) and lost(kind) give the detectors their findings
--
-- A write *may* have lost something if its field, or its object, was set after its base. Only those fields are looked at
-- further: in a disciplined run there are none.

CREATE TEMP TABLE candidate AS
SELECT e, o, f, pos, b, base_pos FROM setting
WHERE changed AND base_pos IS NOT NULL AND standing_pos > base_pos
UNION ALL
SELECT e, o, 0, pos, b, base_pos FROM (
    SELECT w.*, lag(w.pos) OVER (PARTITION BY w.o ORDER BY w.pos, w.e) AS previous_pos
    FROM write AS w WHERE NOT w.void AND w.pos IS NOT NULL
)
WHERE previous_pos > base_pos;

CREATE TEMP TABLE cell AS SELECT DISTINCT o, f FROM candidate;

-- Every row of those cells in order; c counts the changes before it.
CREATE TEMP TABLE counted AS
SELECT *, coalesce(sum(changed::INTEGER) OVER (
    PARTITION BY o, f ORDER BY pos, e ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::BIGINT AS before
FROM (
    SELECT s.e, s.o, s.f, s.pos, s.b, s.changed FROM setting AS s SEMI JOIN cell USING (o, f)
    UNION ALL
    SELECT w.e, w.o, 0, w.pos, w.b, coalesce(s.changed, false)
    FROM write AS w SEMI JOIN (SELECT o FROM cell WHERE f = 0) AS c ON c.o = w.o
    LEFT JOIN (SELECT e, bool_or(changed) AS changed FROM setting GROUP BY e) AS s ON s.e = w.e
    WHERE NOT w.void AND w.pos IS NOT NULL
);

-- other_c: the newest earlier change by another branch than this one's.
CREATE TABLE change AS
WITH numbered AS (
    SELECT o, f, before + 1 AS c, pos, e, b FROM counted WHERE changed
),
bounded AS (
    SELECT *, CASE WHEN lag(b) OVER (PARTITION BY o, f ORDER BY c) <> b THEN c - 1 END AS boundary FROM numbered
)
SELECT * EXCLUDE (boundary),
    last_value(boundary IGNORE NULLS) OVER (
        PARTITION BY o, f ORDER BY c ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS other_c
FROM bounded;

-- Materialized, or all changes of a field meet each other before they are numbered off.
CREATE TABLE intervening AS
WITH placed AS MATERIALIZED (
    SELECT w.*, k.before FROM candidate AS w JOIN counted AS k ON k.e = w.e AND k.o = w.o AND k.f = w.f
),
pointed AS MATERIALIZED (
    SELECT w.*, CASE WHEN previous.b <> w.b THEN previous.c ELSE previous.other_c END AS c
    FROM placed AS w JOIN change AS previous ON previous.o = w.o AND previous.f = w.f AND previous.c = w.before
)
SELECT w.e, w.o, w.f, w.b, w.base_pos, w.before, u.e AS u
FROM pointed AS w JOIN change AS u ON u.o = w.o AND u.f = w.f AND u.c = w.c
WHERE u.pos > w.base_pos;

-- What stood at the base, for the full writes that lost something: the last setting at or before it.
CREATE TEMP TABLE placed_setting AS
SELECT o, f, pos, max_by({'digest': digest}, e).digest AS digest
FROM setting SEMI JOIN intervening USING (o, f)
GROUP BY o, f, pos;

CREATE TABLE loss AS
WITH compared AS (
    SELECT i.e, i.o, i.f, i.base_pos, i.u, w.op, w.declared, s.digest, s.standing, s.size, s.leaves, s.standing_size,
        s.standing_leaves, w.fidelity, stood.fidelity AS standing_fidelity, at_base.digest AS at_base
    FROM intervening AS i
    JOIN setting AS s ON s.e = i.e AND s.f = i.f
    JOIN write AS w ON w.e = i.e
    LEFT JOIN write AS stood ON stood.e = s.standing_e
    ASOF LEFT JOIN placed_setting AS at_base ON at_base.o = i.o AND at_base.f = i.f AND i.base_pos >= at_base.pos
    WHERE i.f > 0
)
SELECT e, o, f, base_pos, declared, u,
    CASE
        WHEN op = 'delete' THEN 'overwritten'
        WHEN op <> 'patch' AND digest IS NULL AND at_base IS NULL THEN 'dropped'
        WHEN digest IS NOT NULL AND standing IS NOT NULL AND (
            coalesce(fidelity < standing_fidelity, false)
            OR (standing_size >= 64 AND (2 * size < standing_size OR 2 * leaves < standing_leaves))
        ) THEN 'poorer'
        WHEN op <> 'patch' AND digest IS NOT DISTINCT FROM at_base THEN 'reverted'
        ELSE 'overwritten'
    END AS kind
FROM compared
UNION ALL
SELECT s.e, s.o, s.f, NULL, false, s.standing_e, 'blind'
FROM setting AS s JOIN write AS w ON w.e = s.e
WHERE s.changed AND s.base_pos IS NULL AND s.standing IS NOT NULL AND s.standing_b <> s.b AND w.op <> 'delete';

-- The text of b(w, f): as declared with the write, or as recorded with the field or, for a field not listed, the write.
CREATE MACRO base_text(declared, write_base, field_e, field_base, field_label) AS
    CASE WHEN declared OR field_e IS NULL THEN write_base ELSE coalesce(field_label, field_base::VARCHAR) END;

-- The changes that intervened in each (e, f), the 64 newest of them at most.
CREATE MACRO intervened() AS TABLE
    SELECT i.e, i.f, u.e AS u, u.b
    FROM (SELECT *, unnest(range(greatest(before - 63, 1), before + 1)) AS c FROM intervening) AS i
    JOIN change AS u ON u.o = i.o AND u.f = i.f AND u.c = i.c AND u.b <> i.b AND u.pos > i.base_pos;

-- The writes, all merges or none, whose object was changed by others after the base, with the fields that these changed.
CREATE MACRO overtaken(merges) AS TABLE
    WITH stale AS (
        SELECT i.e, w.base, w.declared
        FROM intervening AS i JOIN write AS w ON w.e = i.e
        WHERE i.f = 0 AND (w.op = 'merge') = merges
            AND (w.declared OR EXISTS (SELECT 1 FROM setting AS s WHERE s.e = i.e AND s.base_pos = i.base_pos))
            AND (merges OR NOT EXISTS (SELECT 1 FROM loss AS l WHERE l.e = i.e AND l.kind <> 'blind'))
    ),
    moved AS (
        SELECT s.e, x.u, x.b, unnest((SELECT list(c.f) FROM setting AS c WHERE c.e = x.u AND c.changed)) AS f
        FROM stale AS s JOIN intervened() AS x ON x.e = s.e AND x.f = 0
    )
    SELECT s.e, list_sort(list(DISTINCT p.path)) AS fields, list_sort(list(DISTINCT m.b)) AS others,
        list_sort(list(DISTINCT m.u)) AS against, any_value(s.base) AS base,
        CASE WHEN any_value(s.declared) THEN 'recorded' ELSE 'inferred' END AS basis
    FROM stale AS s JOIN moved AS m ON m.e = s.e JOIN path AS p ON p.f = m.f
    GROUP BY s.e;

CREATE MACRO lost(wanted) AS TABLE
    WITH fields AS (
        SELECT l.e, list(p.path ORDER BY p.path) AS fields, list(DISTINCT l.u) AS newest,
            min_by(base_text(l.declared, w.base, f.e, f.base, f.base_label), l.base_pos) AS base,
            bool_and(l.declared) AS declared
        FROM loss AS l
        JOIN path AS p ON p.f = l.f
        JOIN write AS w ON w.e = l.e
        LEFT JOIN field AS f ON f.e = l.e AND f.f = l.f
        WHERE l.kind = wanted
        GROUP BY l.e
    ),
    others AS (
        SELECT l.e, list_sort(list(DISTINCT x.b)) AS others, list_sort(list(DISTINCT x.u)) AS against
        FROM loss AS l JOIN intervened() AS x ON x.e = l.e AND x.f = l.f
        WHERE l.kind = wanted
        GROUP BY l.e
    )
    SELECT e, fields, others, against, base, CASE WHEN declared THEN 'recorded' ELSE 'inferred' END AS basis
    FROM fields JOIN others USING (e);

DROP TABLE candidate;
DROP TABLE cell;
DROP TABLE counted;
DROP TABLE placed_setting;
