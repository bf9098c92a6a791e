-- Step 5, reads: one row a read of a known version, with its position.
--
--   read  e, o, b, u, outermost, t, v, pos, whole
--         outermost and v are those of `write`

CREATE TABLE read AS
SELECT e.e, e.o, e.b, e.u, u.outermost, e.t, coalesce(m.pos, e.version) AS v,
    CASE WHEN getvariable('ordered') THEN coalesce(m.pos, e.version) END AS pos,
    coalesce(e.whole, true) AS whole
FROM event AS e
LEFT JOIN unit AS u ON u.u = e.u
LEFT JOIN mention AS m
    ON m.o = e.o AND m.p = (CASE WHEN e.label IS NULL THEN e.p ELSE -1 END)
    AND m.version = coalesce(e.version, 0) AND m.label = coalesce(e.label, '')
WHERE e.op = 'read' AND e.o IS NOT NULL AND (e.version IS NOT NULL OR e.label IS NOT NULL);
