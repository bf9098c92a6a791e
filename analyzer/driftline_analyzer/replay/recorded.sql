-- Replay, recorded: what every field of the objects decided here really holds, by `until`.

WITH last AS (
    SELECT o, f, arg_max({'e': e, 'digest': digest}, {'pos': pos, 'e': e}) AS set
    FROM setting SEMI JOIN deciding USING (o)
    WHERE e <= getvariable('until')
    GROUP BY o, f
)
SELECT o.object, p.path, coalesce(f.value, twin.value), f.digest, f.size, f.leaves,
    coalesce(e.label, e.version::VARCHAR, ''), b.name
FROM last
JOIN object AS o ON o.o = last.o
JOIN path AS p ON p.f = last.f
JOIN field AS f ON f.e = last.set.e AND f.f = last.f
JOIN event AS e ON e.e = last.set.e
JOIN branch AS b ON b.b = e.b
LEFT JOIN twin ON twin.digest = f.digest AND f.value IS NULL
WHERE last.set.digest IS NOT NULL
ORDER BY o.object, p.path
