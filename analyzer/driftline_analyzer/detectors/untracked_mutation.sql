-- code: DRF506
-- severity: error
-- standard: aliased in-place mutation (shared mutable state); broken read integrity (G-single has no name for it)
-- message: {branch} read {object} version {version} with other contents in {fields} than {others} had written: it was changed in place
-- fix: Look for code that changed {fields} of {object} in place after {others} had written version {version}; {branch} is only the first that was seen to read it.
-- fix: Hand out copies or frozen values, or track the object.
--
-- ## What it finds
-- A read of a version shows another value of a field than stands at that version by what was written; or shows a field that
-- did not stand, or, as a read of the whole, lacks one that did. Said of versions that one write made, which is not void.
-- Where no write of the whole object is known up to the version, only the fields that were written are known, and in a trace
-- without an order only what that write lists. Fields whose values were withheld are not compared; nor, for being there or
-- not, are fields of which one lies above the other; nor fields that a void write up to the version sets.
--
-- ## Why it matters
-- Somebody changed the object without making a version of it: a list appended to, a nested mapping edited through a second
-- reference. No base, no lineage and no lock knows of it, so every other rule is blind to what follows.
--
-- ## Example
-- A node reads `context/42` at version 3, appends to the list that it got, and writes nothing. The next reader of version 3
-- finds one fact more than version 3 ever had.
--
-- ## Fix
-- Hand out copies or frozen values; let writers derive a new version and write it; or track the mapping, so that it sees its
-- own changes.
--
-- ## Known limits
-- A store with a writer that is not recorded looks the same. A read whose version was worked out may be older than it looks:
-- of it only fields count whose value nobody had written to the object so far, and none if another process wrote the object.

WITH made AS (
    SELECT * FROM write ANTI JOIN repeated USING (o, v) WHERE NOT void
),
numberer AS (
    SELECT o, min(p) AS one, max(p) AS other FROM write GROUP BY o
),
guessed AS (
    SELECT e, p FROM event WHERE op = 'read' AND version_inferred
),
looked AS (
    SELECT r.e, r.o, r.b, r.whole, x.e IS NOT NULL AS inferred, m.e AS made_e, m.b AS made_b, m.pos,
        -- whether all that stood is known, or only what was written
        CASE WHEN m.pos IS NULL THEN m.is_full ELSE m.full_no > 0 END AS known
    FROM read AS r JOIN made AS m ON m.o = r.o AND m.v = r.v
    LEFT JOIN guessed AS x ON x.e = r.e
    JOIN numberer AS n ON n.o = r.o
    WHERE x.e IS NULL OR (n.one = x.p AND n.other = x.p)
),
-- A read of the whole is first compared by one number, a hash over all fields, kept up to date as fields are set. Each is
-- hashed twice, since DuckDB's hash of two values is itself an xor: else it would not matter which field has which digest.
content AS (
    SELECT w.e, bit_xor(coalesce(s.step, 0)) OVER (PARTITION BY w.o ORDER BY w.pos, w.e ROWS UNBOUNDED PRECEDING) AS total
    FROM write AS w
    LEFT JOIN (
        SELECT e, bit_xor(xor(
            CASE WHEN digest IS NULL THEN 0 ELSE hash(hash(f, digest)) END,
            CASE WHEN standing IS NULL THEN 0 ELSE hash(hash(f, standing)) END)) AS step
        FROM setting WHERE changed GROUP BY e
    ) AS s ON s.e = w.e
    WHERE w.pos IS NOT NULL
),
shown AS (
    SELECT f.e, bit_xor(hash(hash(f.f, f.digest))) AS total
    FROM field AS f SEMI JOIN (FROM looked WHERE whole) AS l ON l.e = f.e
    WHERE f.digest IS NOT NULL GROUP BY f.e
),
suspect AS (
    SELECT l.* FROM looked AS l LEFT JOIN content AS c ON c.e = l.made_e LEFT JOIN shown AS s ON s.e = l.e
    WHERE NOT l.whole OR l.pos IS NULL OR coalesce(c.total, 0) <> coalesce(s.total, 0)
),
-- The last setting of each field at each position.
placed AS (
    SELECT o, f, pos, digest, size FROM setting SEMI JOIN suspect USING (o) WHERE until IS NULL OR until > pos
),
listed AS (
    SELECT s.e, s.o, s.made_e, s.pos, s.known, f.f, f.digest, f.size FROM suspect AS s JOIN field AS f ON f.e = s.e
),
compared AS (
    SELECT l.*, p.digest AS stood, p.size AS stood_size, p.f IS NOT NULL AS written
    FROM (FROM listed WHERE pos IS NOT NULL) AS l
    ASOF LEFT JOIN placed AS p ON p.o = l.o AND p.f = l.f AND l.pos >= p.pos
    UNION ALL
    SELECT l.*, w.digest, w.size, w.f IS NOT NULL
    FROM (FROM listed WHERE pos IS NULL) AS l LEFT JOIN field AS w ON w.e = l.made_e AND w.f = l.f
),
different AS (
    SELECT * FROM compared WHERE digest IS DISTINCT FROM stood AND (known OR written)
),
-- What stood and the read of the whole does not show.
suspect_whole AS (
    SELECT e, o, pos FROM suspect WHERE whole AND known AND pos IS NOT NULL
),
placed_in_whole AS (
    FROM placed SEMI JOIN suspect_whole USING (o)
),
unseen AS (
    SELECT s.e, s.o, s.pos, s.f, p.digest AS stood, p.size AS stood_size
    FROM (
        SELECT s.e, s.o, s.pos, c.f
        FROM suspect_whole AS s JOIN (SELECT DISTINCT o, f FROM placed_in_whole) AS c ON c.o = s.o
    ) AS s
    ASOF JOIN placed_in_whole AS p ON p.o = s.o AND p.f = s.f AND s.pos >= p.pos
    UNION ALL
    SELECT s.e, s.o, s.pos, w.f, w.digest, w.size
    FROM suspect AS s JOIN field AS w ON w.e = s.made_e
    WHERE s.whole AND s.known AND s.pos IS NULL
),
lacked AS (
    SELECT e, o, pos, f, stood, stood_size FROM different WHERE digest IS NULL
    UNION
    SELECT u.* FROM unseen AS u ANTI JOIN (FROM listed WHERE digest IS NOT NULL) AS l ON l.e = u.e AND l.f = u.f
    WHERE u.stood IS NOT NULL
),
related AS (
    SELECT f, g FROM above UNION ALL SELECT g, f FROM above
),
added AS (
    SELECT d.e, d.o, d.pos, d.f, r.g FROM different AS d JOIN related AS r ON r.f = d.f
    WHERE d.stood IS NULL AND d.pos IS NOT NULL
),
-- A value that took another shape has other fields: no field is there or not because of that.
reshaped AS (
    SELECT l.e, l.f
    FROM lacked AS l JOIN related AS r ON r.f = l.f
    JOIN listed AS g ON g.e = l.e AND g.f = r.g AND g.digest IS NOT NULL
    UNION
    SELECT x.e, x.f
    FROM added AS x
    ASOF JOIN (FROM placed SEMI JOIN added USING (o)) AS p ON p.o = x.o AND p.f = x.g AND x.pos >= p.pos
    WHERE p.digest IS NOT NULL
    UNION
    SELECT d.e, d.f
    FROM different AS d JOIN related AS r ON r.f = d.f JOIN field AS w ON w.e = d.made_e AND w.f = r.g
    WHERE d.stood IS NULL AND d.pos IS NULL AND w.digest IS NOT NULL
),
-- What a void write up to a version sets; with f = 0, everything.
voided AS (
    SELECT w.o, f.f, min(w.pos) AS pos FROM write AS w JOIN field AS f ON f.e = w.e WHERE w.void GROUP BY ALL
    UNION ALL
    SELECT o, 0, min(pos) FROM write WHERE void AND is_full GROUP BY o
),
mutation AS (
    SELECT e, o, pos, f, digest FROM different
    WHERE digest IS NOT NULL AND size IS NOT NULL AND (stood IS NULL OR stood_size IS NOT NULL)
    UNION ALL
    SELECT e, o, pos, f, NULL FROM lacked WHERE stood_size IS NOT NULL
),
-- Contents that some write of the object lists.
recorded AS (
    SELECT DISTINCT w.o, f.f, f.digest
    FROM field AS f SEMI JOIN mutation AS m ON m.f = f.f AND m.digest = f.digest JOIN write AS w ON w.e = f.e
),
proved AS (
    SELECT m.e, m.f, m.digest
    FROM mutation AS m
    JOIN suspect AS s ON s.e = m.e
    ANTI JOIN reshaped AS r ON r.e = m.e AND r.f = m.f
    WHERE NOT EXISTS (
            SELECT 1 FROM voided AS x
            WHERE x.o = m.o AND (x.f = m.f OR x.f = 0) AND (m.pos IS NULL OR x.pos <= m.pos)
        )
        AND (NOT s.inferred OR (
            m.digest IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM recorded AS x WHERE x.o = m.o AND x.f = m.f AND x.digest = m.digest
            )
        ))
),
content_read AS (
    SELECT e, list({'f': f, 'digest': digest} ORDER BY f) AS shown FROM proved GROUP BY e
),
first AS (
    SELECT min(s.e) AS e, any_value(s.made_e) AS made_e, c.shown
    FROM content_read AS c JOIN suspect AS s ON s.e = c.e
    GROUP BY s.made_e, c.shown
)
SELECT x.e, list(DISTINCT p.path ORDER BY p.path) AS fields,
    list(DISTINCT w.b) FILTER (w.b <> r.b) AS others,
    [any_value(x.made_e)] AS against, NULL::VARCHAR AS base, 'recorded' AS basis
FROM (SELECT *, unnest(shown).f AS f FROM first) AS x
JOIN path AS p ON p.f = x.f
JOIN write AS w ON w.e = x.made_e
JOIN read AS r ON r.e = x.e
GROUP BY x.e
