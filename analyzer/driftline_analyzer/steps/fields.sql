-- Step 4, fields: one row for each field that each write sets, beside what stood there before.
--
--   setting  e, o, f, pos, b, digest, size, leaves, listed, base_pos, standing_*, changed, until
--            digest is null where the field is removed; listed is false where a full write removed it by omission
--            base_pos is b(w, f); standing_* describe the write that the field stood at before, null if none
--            until is the position from which the field is set again, null if it still stands at the end
--   undone   e, f   what the void writes, which set nothing, would have set

CREATE TABLE setting AS
WITH listed AS (
    SELECT w.e, w.o, f.f, w.pos, w.b, f.digest, f.size, f.leaves, w.is_full, w.full_no,
        CASE WHEN w.declared THEN w.base_pos
            ELSE coalesce(m.pos, CASE WHEN f.base_label IS NULL THEN f.base ELSE -1 END) END AS base_pos
    FROM field AS f
    JOIN write AS w ON w.e = f.e
    LEFT JOIN mention AS m
        ON m.o = w.o AND m.p = (CASE WHEN f.base_label IS NULL THEN w.p ELSE -1 END)
        AND m.version = coalesce(f.base, 0) AND m.label = coalesce(f.base_label, '')
        AND (f.base IS NOT NULL OR f.base_label IS NOT NULL)
    WHERE NOT w.void AND w.pos IS NOT NULL
),
-- Objects with a full write that lists fewer fields than the object ever had: elsewhere nothing can be omitted.
sparse AS (
    SELECT DISTINCT w.o
    FROM write AS w
    JOIN (SELECT o, count(DISTINCT f) AS fields FROM listed GROUP BY o) AS had ON had.o = w.o
    LEFT JOIN (SELECT e, count(*) AS fields FROM listed WHERE is_full GROUP BY e) AS own ON own.e = w.e
    WHERE w.is_full AND NOT w.void AND w.pos IS NOT NULL AND coalesce(own.fields, 0) < had.fields
),
followed AS (
    SELECT *, lead(full_no) OVER cell AS next_no, lead(is_full) OVER cell AS next_is_full
    FROM listed SEMI JOIN sparse USING (o)
    WINDOW cell AS (PARTITION BY o, f ORDER BY pos, e)
),
-- The next full write after a setting removes the field unless it lists it, or another write set it in between.
omitted AS (
    SELECT w.e, w.o, s.f, w.pos, w.b, w.base_pos
    FROM followed AS s
    JOIN write AS w ON w.o = s.o AND w.full_no = s.full_no + 1 AND w.is_full AND NOT w.void AND w.pos IS NOT NULL
    WHERE s.digest IS NOT NULL
        AND (s.next_no IS NULL OR s.next_no > s.full_no + 1 OR (s.next_no = s.full_no + 1 AND NOT s.next_is_full))
),
every AS (
    SELECT e, o, f, pos, b, digest, size, leaves, true AS listed, base_pos FROM listed
    UNION ALL
    SELECT e, o, f, pos, b, NULL, NULL, NULL, false, base_pos FROM omitted
)
SELECT *,
    lag(digest) OVER cell AS standing, lag(e) OVER cell AS standing_e, lag(b) OVER cell AS standing_b,
    lag(pos) OVER cell AS standing_pos, lag(size) OVER cell AS standing_size, lag(leaves) OVER cell AS standing_leaves,
    digest IS DISTINCT FROM lag(digest) OVER cell AS changed,
    lead(pos) OVER cell AS until
FROM every
WINDOW cell AS (PARTITION BY o, f ORDER BY pos, e);

-- A void full write would have removed what stood just before it.
CREATE TABLE undone AS
WITH void_full AS (
    SELECT e, o, {'pos': pos, 'e': e} AS place FROM write WHERE void AND is_full AND pos IS NOT NULL
),
known AS (
    SELECT o, f, digest, {'pos': pos, 'e': e} AS place FROM setting SEMI JOIN void_full USING (o)
)
SELECT f.e, f.f FROM field AS f JOIN write AS w ON w.e = f.e WHERE w.void
UNION
SELECT p.e, p.f
FROM (SELECT v.e, v.o, v.place, c.f FROM void_full AS v JOIN (SELECT DISTINCT o, f FROM known) AS c ON c.o = v.o) AS p
ASOF JOIN known AS s ON s.o = p.o AND s.f = p.f AND p.place > s.place
WHERE s.digest IS NOT NULL;
