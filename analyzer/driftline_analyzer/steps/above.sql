-- Step above: which fields lie above which, as far as both are fields of something.
--
--   above  f, g   path g is a proper prefix of path f, whole segments at a time: `/a` and the empty path are above `/a/b`

CREATE TABLE above AS
SELECT p.f, g.f AS g
FROM (
    SELECT f, unnest(list_transform(range(1, len(parts)), lambda i: array_to_string(parts[:i], '/'))) AS prefix
    FROM (SELECT f, string_split(path, '/') AS parts FROM path WHERE NOT whole)
) AS p
JOIN path AS g ON g.path = p.prefix AND NOT g.whole;
