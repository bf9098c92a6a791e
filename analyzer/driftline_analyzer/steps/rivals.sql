-- Step 9, rivals: lost updates where the trace has no order of versions (docs/model.md, "Without an order").
--
--   rival  e, o, f, b, writer, base    a write of a committed writer that changed a field from a base, for each base of a
--                                      field from which two or more writers went different ways; empty in an ordered trace
--          writer is the outermost unit, or outside units the branch, as text
--          base is the version as text; base_p tells numbers apart where several processes numbered the object, else -1

CREATE TABLE rival AS
WITH stated AS (
    SELECT w.e, w.o, w.p, w.b, w.v, f.f, f.digest, coalesce('unit ' || w.outermost, 'branch ' || w.b) AS writer,
        CASE WHEN w.declared THEN e.base_label ELSE f.base_label END AS label,
        CASE WHEN w.declared THEN e.base ELSE f.base END AS number
    FROM write AS w
    JOIN event AS e ON e.e = w.e
    JOIN field AS f ON f.e = w.e
    LEFT JOIN unit AS u ON u.u = w.u
    WHERE NOT getvariable('ordered') AND w.op <> 'merge' AND coalesce(u.effective, 0) = 0
),
based AS (
    SELECT s.*, coalesce(s.label, s.number::VARCHAR) AS base,
        CASE WHEN s.label IS NULL AND m.o IS NOT NULL THEN s.p ELSE -1 END AS base_p
    FROM stated AS s LEFT JOIN (SELECT DISTINCT o FROM mention) AS m ON m.o = s.o
    WHERE s.label IS NOT NULL OR s.number IS NOT NULL
),
-- What stood in the field at its base, where a write of that version lists it: to set that again changes nothing.
named AS (
    SELECT w.o, f.f, coalesce(e.label, e.version::VARCHAR) AS version,
        CASE WHEN e.label IS NULL AND m.o IS NOT NULL THEN w.p ELSE -1 END AS p, max_by({'digest': f.digest}, w.e) AS stood
    FROM write AS w
    JOIN event AS e ON e.e = w.e
    JOIN field AS f ON f.e = w.e
    LEFT JOIN (SELECT DISTINCT o FROM mention) AS m ON m.o = w.o
    WHERE NOT getvariable('ordered') AND NOT w.void
    GROUP BY ALL
),
changing AS (
    SELECT b.* FROM based AS b
    LEFT JOIN named AS n ON n.o = b.o AND n.f = b.f AND n.version = b.base AND n.p = b.base_p
    WHERE n.o IS NULL OR n.stood.digest IS DISTINCT FROM b.digest
),
meeting AS (
    SELECT o, f, base, base_p FROM changing GROUP BY ALL
    HAVING count(DISTINCT writer) > 1 AND (count(DISTINCT digest) > 1 OR (count(digest) > 0 AND count(digest) < count(*)))
)
SELECT c.e, c.o, c.f, c.b, c.writer, c.base, c.base_p FROM changing AS c SEMI JOIN meeting USING (o, f, base, base_p);

-- One finding for each base and set of writers: at the last of them, against all others.
CREATE MACRO met() AS TABLE
    WITH party AS (
        SELECT o, f, base, base_p, list(DISTINCT writer ORDER BY writer) AS writers FROM rival GROUP BY o, f, base, base_p
    ),
    together AS (
        SELECT r.*, p.writers, max(r.e) OVER (PARTITION BY r.o, r.base, r.base_p, p.writers) AS last
        FROM rival AS r JOIN party AS p ON p.o = r.o AND p.f = r.f AND p.base = r.base AND p.base_p = r.base_p
    ),
    own AS (
        SELECT DISTINCT last, writers, base, base_p, writer FROM together WHERE e = last
    )
    SELECT t.last AS e, list(DISTINCT n.path ORDER BY n.path) AS fields,
        coalesce(list(DISTINCT t.b ORDER BY t.b) FILTER (t.writer <> o.writer), []) AS others,
        list(DISTINCT t.e ORDER BY t.e) FILTER (t.e <> t.last) AS against,
        t.base, 'inferred' AS basis
    FROM together AS t
    JOIN own AS o ON o.last = t.last AND o.writers = t.writers AND o.base = t.base AND o.base_p = t.base_p
    JOIN path AS n ON n.f = t.f
    GROUP BY t.last, t.writers, t.base, t.base_p;
