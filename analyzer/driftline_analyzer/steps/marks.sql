-- Step marks: what was decided about a known version.
--
--   mark  e, o, b, op, v, pos   op is 'snapshot', 'promote', 'quarantine' or 'reject'; v and pos are those of `read`

CREATE TABLE mark AS
SELECT e.e, e.o, e.b, e.op::VARCHAR AS op, coalesce(m.pos, e.version) AS v,
    CASE WHEN getvariable('ordered') THEN coalesce(m.pos, e.version) END AS pos
FROM event AS e
LEFT JOIN mention AS m
    ON m.o = e.o AND m.p = (CASE WHEN e.label IS NULL THEN e.p ELSE -1 END)
    AND m.version = coalesce(e.version, 0) AND m.label = coalesce(e.label, '')
WHERE e.op IN ('snapshot', 'promote', 'quarantine', 'reject') AND e.o IS NOT NULL
    AND (e.version IS NOT NULL OR e.label IS NOT NULL);
