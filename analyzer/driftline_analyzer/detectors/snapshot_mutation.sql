-- code: DRF505
-- severity: error
-- standard: mutation of an immutable version (full persistence, Driscoll, Sarnak, Sleator and Tarjan 1989)
-- message: {branch} wrote {fields} of {object}, which had been declared immutable by {others}
-- fix: Let {branch} write {fields} to a new version of {object} and leave version {version} as it was, or let the store refuse to write a version that has a snapshot.
-- fix (delete): Retire the object instead of deleting it, if its fields are immutable.
--
-- ## What it finds
-- A write that makes a version again which a `snapshot` had declared immutable, and sets a field to something else
-- than stood in it at the first such snapshot. Or a write that changes a field which the policy says is immutable
-- for the type, where a value stands; if the whole object is immutable, any change after its first version.
--
-- ## Why it matters
-- Who took the snapshot goes on believing that he knows what is in it: he will not look again, and nothing tells
-- him. Two readers of the same version now disagree, and neither is out of date.
--
-- ## Example
-- An archivist snapshots version 8 of `context/42`. An editor corrects a typing error and saves it as version 8.
--
-- ## Fix
-- Write a new version and leave the old one; or let the store refuse writes to a version that has a snapshot; or, if
-- the field is meant to change, take it out of the policy's `immutable`.
--
-- ## Known limits
-- A version is known by its name: a change that nobody recorded as a write is DRF506's. A `delete` of an object
-- whose fields the policy says are immutable changes them, and is found. Nested mappings are compared field by
-- field.

WITH sealed AS (
    SELECT o, pos, min(e) AS e, min_by(b, e) AS b FROM mark WHERE op = 'snapshot' AND pos IS NOT NULL GROUP BY o, pos
),
again AS (
    SELECT s.e, s.o, s.f, s.digest, x.b, x.e AS sealed_e, {'pos': x.pos, 'e': x.e} AS place
    FROM setting AS s JOIN sealed AS x ON x.o = s.o AND x.pos = s.pos AND s.e > x.e
),
-- What had been set last in the version when it was sealed.
stood AS (
    SELECT a.*, s.digest AS before
    FROM again AS a
    ASOF LEFT JOIN (
        SELECT o, f, digest, {'pos': pos, 'e': e} AS place FROM setting SEMI JOIN again USING (o, f)
    ) AS s ON s.o = a.o AND s.f = a.f AND a.place > s.place
),
immutable AS (
    SELECT i.type, f.f, i.path = '' AS whole FROM policy_immutable AS i JOIN path AS f ON NOT f.whole AND covers(i.path, f.path)
),
changed AS (
    SELECT s.*, i.whole
    FROM setting AS s JOIN object AS t ON t.o = s.o JOIN immutable AS i ON i.type = t.type AND i.f = s.f
    WHERE s.changed
),
first AS (
    SELECT o, min(pos) AS pos, min_by(b, {'pos': pos, 'e': e}) AS b
    FROM write SEMI JOIN changed USING (o) WHERE NOT void AND pos IS NOT NULL GROUP BY o
),
mutated AS (
    SELECT e, f, b, sealed_e AS against FROM stood WHERE digest IS DISTINCT FROM before
    UNION ALL
    SELECT e, f, standing_b, standing_e FROM changed WHERE NOT whole AND standing IS NOT NULL
    UNION ALL
    SELECT c.e, c.f, v.b, NULL FROM changed AS c JOIN first AS v ON v.o = c.o AND c.pos > v.pos WHERE c.whole
)
SELECT m.e, list_sort(list(DISTINCT p.path)) AS fields, list_sort(list(DISTINCT m.b)) AS others,
    coalesce(list_sort(list(DISTINCT m.against) FILTER (m.against IS NOT NULL)), []) AS against,
    NULL::VARCHAR AS base, 'recorded' AS basis
FROM mutated AS m JOIN path AS p ON p.f = m.f
GROUP BY m.e
