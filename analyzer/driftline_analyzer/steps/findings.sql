-- After the detectors, findings: what they found, numbered by time, each beside the others at its event.
--
--   finding  n, e, code, fields, others, against, base, basis   what a detector selected; n is 1, 2, … by time
--            also         codes of the other rules that see the same event, those that gave way among them
--            part_of      the n of the finding that speaks for this one, since both are of one fault; null if it speaks itself
--            head         the version of the object that stood just before the event, as text, voids left out
--            fingerprint  16 hexadecimal digits, the same from run to run for the same drift
--
-- Two findings at one event are of **one fault** if they share an event that shows them and, where both name fields, a field.
-- The worse severity speaks, then the lower code: rules are numbered from what was lost to how that came about.

-- A name with what differs from run to run taken out of it: UUIDs, other ids in hexadecimal digits (four and more, a decimal
-- one among them, or eight and more), long mixtures of letters and digits (ULIDs, nanoids), and every other run of digits.
CREATE TEMP MACRO likened(name) AS array_to_string(
    list_transform(
        regexp_extract_all(
            regexp_replace(name, '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}', '#', 'g'),
            '[0-9A-Za-z]+|[^0-9A-Za-z]+'
        ),
        lambda word: CASE
            WHEN regexp_full_match(word, '[0-9a-fA-F]{4,}') AND (length(word) >= 8 OR regexp_matches(word, '[0-9]')) THEN '#'
            WHEN length(word) >= 16 AND regexp_matches(word, '[0-9]') AND regexp_full_match(word, '[0-9A-Za-z]+') THEN '#'
            ELSE regexp_replace(word, '[0-9]+', '#', 'g')
        END
    ),
    ''
);

-- A path with the ids taken out of it that can be nothing else: a number in a path is often what tells two fields apart.
CREATE TEMP MACRO likened_path(path) AS array_to_string(
    list_transform(
        regexp_extract_all(
            regexp_replace(path, '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}', '#', 'g'),
            '[0-9A-Za-z]+|[^0-9A-Za-z]+'
        ),
        lambda word: CASE
            WHEN regexp_matches(word, '[0-9]') AND regexp_full_match(word, '[0-9a-fA-F]{8,}|[0-9A-Za-z]{16,}') THEN '#' ELSE word
        END
    ),
    ''
);

CREATE TEMP TABLE numbered AS
SELECT row_number() OVER (ORDER BY d.e, d.code, d.fields)::INTEGER AS n, d.* EXCLUDE (gives_way), x.o, x.b, x.t
FROM detected AS d JOIN event AS x ON x.e = d.e
WHERE NOT d.gives_way;

CREATE TEMP TABLE beside AS
WITH crowded AS (
    SELECT e, list_sort(list(DISTINCT code)) AS codes FROM detected GROUP BY e HAVING count(*) > 1
)
SELECT n.n, n.e, n.code, n.fields, n.against, r.rank, c.codes
FROM numbered AS n JOIN crowded AS c ON c.e = n.e JOIN rule AS r ON r.code = n.code;

CREATE TEMP TABLE led AS
SELECT y.n, arg_min(x.n, {'rank': x.rank, 'code': x.code, 'n': x.n}) AS part_of
FROM beside AS y JOIN beside AS x
    ON x.e = y.e AND x.n <> y.n AND (x.rank, x.code, x.n) < (y.rank, y.code, y.n)
WHERE list_has_any(x.against, y.against)
    AND (list_has_any(x.fields, y.fields) OR len(x.fields) = 0 OR len(y.fields) = 0)
GROUP BY y.n;

-- What stood: for a write, in the order of versions; for any other event, by the clock.
CREATE TEMP TABLE stood AS
WITH own AS (
    SELECT n.n, n.e, n.o, w.pos FROM numbered AS n LEFT JOIN write AS w ON w.e = n.e WHERE n.o IS NOT NULL
),
standing_write AS (
    SELECT e, o, pos FROM write SEMI JOIN own USING (o) WHERE NOT void AND pos IS NOT NULL
),
placed AS (
    SELECT o, {'pos': pos, 'e': e} AS place FROM standing_write
),
passed AS (
    SELECT o, e, max({'pos': pos, 'e': e}) OVER (PARTITION BY o ORDER BY e) AS place
    FROM standing_write SEMI JOIN (FROM own WHERE pos IS NULL) AS own USING (o)
)
SELECT own.n, p.place.e AS e
FROM (SELECT n, o, {'pos': pos, 'e': e} AS place FROM own WHERE pos IS NOT NULL) AS own
ASOF JOIN placed AS p ON p.o = own.o AND own.place > p.place
UNION ALL
SELECT own.n, p.place.e
FROM (FROM own WHERE pos IS NULL) AS own ASOF JOIN passed AS p ON p.o = own.o AND own.e > p.e;

CREATE TEMP TABLE likeness AS
WITH known AS (
    SELECT b, likened(name) AS name FROM branch
    SEMI JOIN (SELECT b FROM numbered UNION SELECT unnest(others) FROM numbered) AS needed USING (b)
),
crowd AS (
    SELECT others, list_sort(list(DISTINCT k.name)) AS names
    FROM (SELECT DISTINCT others, unnest(others) AS b FROM numbered) AS f JOIN known AS k ON k.b = f.b GROUP BY others
),
work AS (
    SELECT t, likened(name) AS name FROM task SEMI JOIN (SELECT DISTINCT t FROM numbered WHERE o IS NULL) AS n USING (t)
),
spot AS (
    SELECT fields, list_transform(fields, lambda path: likened_path(path)) AS likened
    FROM (SELECT DISTINCT fields FROM numbered)
)
SELECT n.n, left(md5(array_to_string(list_concat(
    CASE WHEN n.o IS NULL THEN [n.code, coalesce(w.name, '')] ELSE list_concat([n.code, coalesce(o.type, '')], coalesce(s.likened, [])) END,
    [own.name],
    coalesce(c.names, [])
), chr(31))), 16) AS fingerprint
FROM numbered AS n
JOIN known AS own ON own.b = n.b
LEFT JOIN spot AS s ON s.fields = n.fields
LEFT JOIN object AS o ON o.o = n.o
LEFT JOIN work AS w ON w.t = n.t
LEFT JOIN crowd AS c ON c.others = n.others;

CREATE TABLE finding AS
SELECT n.n, n.code, n.e, n.fields, n.others, n.against, n.base, n.basis,
    coalesce(list_filter(b.codes, lambda code: code <> n.code), []) AS also, l.part_of,
    coalesce(h.label, h.version::VARCHAR) AS head, k.fingerprint
FROM numbered AS n
JOIN likeness AS k ON k.n = n.n
LEFT JOIN beside AS b ON b.n = n.n
LEFT JOIN led AS l ON l.n = n.n
LEFT JOIN stood AS s ON s.n = n.n
LEFT JOIN event AS h ON h.e = s.e
ORDER BY n.n;

DROP TABLE numbered;
DROP TABLE beside;
DROP TABLE led;
DROP TABLE stood;
DROP TABLE likeness;
