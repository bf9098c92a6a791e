-- Step references: what refers to what, and which objects had been removed when.
--
--   reference  e, path, target, o   of each write that is not void: the field (or the place inside one) that refers, the object
--                                   that it names, or null if that is nowhere else in the trace, and the object that holds it
--   newest     o, e, write          of each object that was ever deleted: as of just after each of its writes, the newest in
--                                   the order of versions, as {pos, e, op, b}
--   macro covers(pattern, path)     whether a policy's pattern names a field, or one above it

CREATE MACRO covers(pattern, path) AS
    len(string_split(pattern, '/')) <= len(string_split(path, '/'))
    AND list_bool_and(list_transform(
        string_split(pattern, '/'), lambda part, no: part = '*' OR part = string_split(path, '/')[no]));

-- What the policy says of references: `rest` is what is left of a pattern inside the value of a field.
CREATE TEMP TABLE referring AS
SELECT f.f, f.path, r.type, r.target, string_split(r.pattern, '/')[len(string_split(f.path, '/')) + 1:] AS rest
FROM policy_reference AS r
JOIN path AS f
    ON NOT f.whole AND len(string_split(f.path, '/')) <= len(string_split(r.pattern, '/'))
    AND covers(array_to_string(string_split(r.pattern, '/')[:len(string_split(f.path, '/'))], '/'), f.path);

CREATE TABLE reference AS
WITH RECURSIVE opened AS (
    SELECT f.e, w.o, r.path, r.target, r.rest, CASE WHEN json_valid(f.value) THEN f.value::JSON END AS value
    FROM field AS f JOIN referring AS r ON r.f = f.f JOIN write AS w ON w.e = f.e AND NOT w.void
    JOIN object AS o ON o.o = w.o AND o.type = r.type
    UNION ALL
    SELECT e, o, path, target, rest[2:], unnest(CASE
        WHEN rest[1] <> '*' THEN [json_extract(value, '/' || rest[1])]
        WHEN json_type(value) = 'ARRAY' THEN json_extract(value, '$[*]')
        WHEN json_type(value) = 'OBJECT' THEN json_extract(value, '$.*')
        ELSE [] END)
    FROM opened WHERE len(rest) > 0
),
named AS (
    SELECT e, o, path, CASE WHEN starts_with(text, target || '/') THEN text ELSE target || '/' || text END AS object
    FROM (
        SELECT *, json_extract_string(value, '$') AS text FROM opened WHERE len(rest) = 0 AND json_type(value) = 'VARCHAR'
    )
    WHERE text <> ''
    UNION ALL
    SELECT r.e, w.o, r.reference.path, r.reference.object
    FROM (SELECT e, unnest("references") AS reference FROM event WHERE "references" IS NOT NULL) AS r
    JOIN write AS w ON w.e = r.e AND NOT w.void
)
SELECT n.e, n.path, t.o AS target, n.o FROM named AS n LEFT JOIN object AS t ON t.object = n.object;

CREATE TABLE newest AS
SELECT o, e, max({'pos': pos, 'e': e, 'op': op, 'b': b})
    OVER (PARTITION BY o ORDER BY e ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS write
FROM write
SEMI JOIN (FROM write WHERE op = 'delete' AND NOT void AND pos IS NOT NULL) AS deleted USING (o)
WHERE NOT void AND pos IS NOT NULL;

DROP TABLE referring;
