-- Replay, plain: the writes that are promoted as they are, a row for each of their fields, in the order of decisions.
-- Columns as `plain.py` reads them. `started` is the version that had set what stood, null where nothing ever had.

WITH own AS (FROM proposal ANTI JOIN deciding USING (o)),
marked AS (  -- what stood has the version of the write that made it so
    SELECT s.e, s.o, s.f, s.pos, s.listed, s.digest, s.changed, s.standing, s.standing_e,
        last_value(CASE WHEN s.changed OR s.standing_e IS NULL THEN s.e END IGNORE NULLS) OVER (
            PARTITION BY s.o, s.f ORDER BY s.pos, s.e ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS started_e
    FROM setting AS s ANTI JOIN deciding ON deciding.o = s.o
),
cell AS (
    SELECT m.e, p.path, m.digest, m.changed, f.size, f.leaves, coalesce(f.value, twin.value) AS value,
        m.standing, was.size AS was_size, was.leaves AS was_leaves, coalesce(was.value, was_twin.value) AS was_value,
        coalesce(made.label, made.version::VARCHAR) AS started
    FROM marked AS m
    JOIN path AS p ON p.f = m.f
    JOIN own AS w ON w.e = m.e
    LEFT JOIN field AS f ON m.listed AND f.e = m.e AND f.f = m.f
    LEFT JOIN field AS was ON m.standing IS NOT NULL AND was.e = m.standing_e AND was.f = m.f
    LEFT JOIN twin ON twin.digest = f.digest AND f.value IS NULL
    LEFT JOIN twin AS was_twin ON was_twin.digest = m.standing AND was.value IS NULL
    LEFT JOIN event AS made ON made.e = m.started_e
    WHERE w.op <> 'delete' OR m.standing IS NOT NULL
),
fields AS (
    SELECT e, list({
        'path': path, 'digest': digest, 'changed': changed, 'size': size, 'leaves': leaves, 'value': value,
        'standing': standing, 'was_size': was_size, 'was_leaves': was_leaves, 'was_value': was_value, 'started': started
    } ORDER BY path, digest, value) AS fields
    FROM cell GROUP BY e
)
SELECT w.ordinal, w.e, r.process || ':' || e.seq AS event, w.op, o.object, o.type,
    coalesce(e.label, e.version::VARCHAR, '') AS version, w.pos, b.name AS branch, b.branch AS branch_id, b.phase, e.clock,
    e.confidence, e.fidelity, e.source, fields.fields
FROM own AS w
JOIN event AS e ON e.e = w.e
JOIN process AS r ON r.p = w.p
JOIN object AS o ON o.o = w.o
JOIN branch AS b ON b.b = w.b
LEFT JOIN fields ON fields.e = w.e
ORDER BY w.ordinal
