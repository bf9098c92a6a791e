-- Replay, told: one row for each proposal to be decided, in the order in which they are told. Columns as `told.py` reads them.
--
-- Names are joined here, once for each row that is told; a field's value only where the trace keeps it.

WITH cell AS (
    SELECT s.e, p.path, s.listed, s.known, s.version,
        own.digest, own.size, own.leaves, coalesce(own.value, twin.value) AS value,
        s.digest AS seen_digest, was.size AS seen_size, was.leaves AS seen_leaves, coalesce(was.value, seen_twin.value) AS seen_value
    FROM seen AS s
    JOIN path AS p ON p.f = s.f
    LEFT JOIN field AS own ON s.listed AND own.e = s.e AND own.f = s.f
    LEFT JOIN field AS was ON was.e = s.source_e AND was.f = s.f
    LEFT JOIN twin ON twin.digest = own.digest AND own.value IS NULL
    LEFT JOIN twin AS seen_twin ON seen_twin.digest = s.digest AND was.value IS NULL
),
fields AS (
    SELECT e, list({
        'path': path, 'listed': listed, 'known': known, 'version': version, 'digest': digest, 'size': size, 'leaves': leaves,
        'value': value, 'seen_digest': seen_digest, 'seen_size': seen_size, 'seen_leaves': seen_leaves, 'seen_value': seen_value
    } ORDER BY path, digest, value) AS fields
    FROM cell GROUP BY e
),
used AS (
    SELECT e, list({'object': object, 'position': position, 'time': time} ORDER BY object, position) AS inputs
    FROM (
        SELECT i.e, i.object, coalesce(m.pos, CASE WHEN i.label IS NULL AND named.o IS NULL THEN i.version ELSE -1 END) AS position,
            any_value(made.clock) AS time
        FROM (
            SELECT e.e, e.p, i.object, i.version, i.label
            FROM (SELECT e, p, unnest(inputs) AS i FROM event WHERE inputs IS NOT NULL) AS e
        ) AS i
        SEMI JOIN proposal AS w ON w.e = i.e
        LEFT JOIN object AS x ON x.object = i.object
        LEFT JOIN mention AS m
            ON m.o = x.o AND m.p = (CASE WHEN i.label IS NULL THEN i.p ELSE -1 END)
            AND m.version = coalesce(i.version, 0) AND m.label = coalesce(i.label, '')
        LEFT JOIN (SELECT DISTINCT o FROM mention) AS named ON named.o = x.o
        LEFT JOIN (
            SELECT w.o, w.pos, min(e.clock) AS clock FROM write AS w JOIN event AS e ON e.e = w.e WHERE NOT w.void GROUP BY w.o, w.pos
        ) AS made ON made.o = x.o AND made.pos = coalesce(m.pos, i.version)
        GROUP BY ALL
    )
    WHERE position IS NOT NULL
    GROUP BY e
)
SELECT w.k, w.turn, w.e, w.ordinal, r.process || ':' || e.seq AS event, w.op, o.object, o.type,
    coalesce(e.label, e.version::VARCHAR, '') AS version, w.pos, b.name AS branch, b.branch AS branch_id, b.phase, e.clock,
    e.confidence, e.fidelity, e.source, e."references", used.inputs, u.unit, e.depth, t.signature, e.strategy, e.reason,
    list_transform(e.bases, lambda one: coalesce(one.label, one.version::VARCHAR)) AS bases, w.asked, fields.fields
FROM proposal AS w
SEMI JOIN deciding AS d ON d.o = w.o
JOIN event AS e ON e.e = w.e
JOIN process AS r ON r.p = w.p
JOIN object AS o ON o.o = w.o
JOIN branch AS b ON b.b = w.b
LEFT JOIN unit AS u ON u.u = w.u
LEFT JOIN task AS t ON t.t = e.t
LEFT JOIN used ON used.e = w.e
LEFT JOIN fields ON fields.e = w.e
ORDER BY w.turn
