-- code: DRF206
-- severity: error
-- standard: write skew, A5B (Berenson et al. 1995); a cycle of two anti-dependencies, G2-item (Adya 1999)
-- message: {branch} changed {fields} of {object} in a unit that relied on what a unit of {others} was changing, and the other way round
-- fix: Run the units of {branch} and {others} under serializable isolation, or let each lock what it reads to decide, or have both write one common field so that they conflict.
--
-- ## What it finds
-- Two committed units of different branches, each of which read a field below a version in which the other changed it, while the two
-- changed no field in common. Neither saw the other, so no order of the two gives what happened.
--
-- ## Why it matters
-- Each unit kept a rule that spans both objects, as far as it could see, and together they broke it. No value is lost, so nothing
-- that compares the values before and after notices.
--
-- ## Example
-- Two doctors are on call, and one must be. Each takes a unit to see that the other is on call, and signs off. Now nobody is.
--
-- ## Fix
-- Run such units under serializable isolation, or lock what is read to decide (`SELECT … FOR UPDATE`); or write a common field in both,
-- so that one of them conflicts.
--
-- ## Known limits
-- Cycles of two units only. A unit that read without recording it is not seen. Of the changes that a read missed, the 64 that
-- followed it are looked at.

WITH changed AS (
    SELECT w.outermost AS unit, s.e, s.o, s.f, s.pos, s.b,
        row_number() OVER (PARTITION BY s.o, s.f ORDER BY s.pos, s.e) AS c
    FROM setting AS s JOIN write AS w ON w.e = s.e
    JOIN unit AS u ON u.u = w.outermost AND u.outcome = 0
    WHERE s.changed
),
last AS (
    SELECT unit, max(e) AS e FROM changed GROUP BY unit
),
looked AS (
    SELECT r.outermost AS unit, r.e, r.o, f.f, r.pos
    FROM read AS r SEMI JOIN last AS l ON l.unit = r.outermost JOIN field AS f ON f.e = r.e
    WHERE NOT r.whole AND r.pos IS NOT NULL
    UNION ALL
    SELECT r.outermost, r.e, r.o, c.f, r.pos
    FROM read AS r SEMI JOIN last AS l ON l.unit = r.outermost JOIN (SELECT DISTINCT o, f FROM changed) AS c ON c.o = r.o
    WHERE r.whole AND r.pos IS NOT NULL
),
-- How many changes of the field each read had seen; the next ones it missed, if they came before its unit's last write.
placed AS (
    SELECT o, f, pos, max(c) AS c FROM changed GROUP BY o, f, pos
),
counted AS (
    SELECT l.*, coalesce(p.c, 0) AS seen
    FROM looked AS l ASOF LEFT JOIN placed AS p ON p.o = l.o AND p.f = l.f AND l.pos >= p.pos
),
missed AS (
    SELECT DISTINCT m.unit AS reader, x.unit AS writer
    FROM (SELECT unit, o, f, unnest(range(seen + 1, seen + 65)) AS c FROM counted) AS m
    JOIN changed AS x ON x.o = m.o AND x.f = m.f AND x.c = m.c AND x.unit <> m.unit
    JOIN last AS l ON l.unit = m.unit AND x.e < l.e
),
-- Both ways, so that each pair can be followed from either side.
pair AS (
    SELECT reader, writer FROM missed
    UNION
    SELECT writer, reader FROM missed
),
edge AS (
    SELECT p.reader, p.writer, r.e AS read_e, x.e, x.o, x.f
    FROM pair AS p
    JOIN looked AS r ON r.unit = p.reader
    JOIN changed AS x ON x.unit = p.writer AND x.o = r.o AND x.f = r.f AND x.pos > r.pos
),
writer AS (
    SELECT DISTINCT outermost AS unit, b FROM write WHERE NOT void AND pos IS NOT NULL AND outermost IS NOT NULL
),
cycle AS (
    SELECT DISTINCT least(a.reader, a.writer) AS first, greatest(a.reader, a.writer) AS second
    FROM edge AS a JOIN edge AS b ON b.reader = a.writer AND b.writer = a.reader
    ANTI JOIN (
        SELECT x.unit AS one, y.unit AS other FROM changed AS x JOIN changed AS y ON y.o = x.o AND y.f = x.f
        SEMI JOIN pair AS p ON p.reader = x.unit AND p.writer = y.unit
    ) AS common ON common.one = a.reader AND common.other = a.writer
    ANTI JOIN (
        SELECT x.unit AS one, y.unit AS other FROM writer AS x JOIN writer AS y ON y.b = x.b
        SEMI JOIN pair AS p ON p.reader = x.unit AND p.writer = y.unit
    ) AS shared ON shared.one = a.reader AND shared.other = a.writer
),
part AS (
    SELECT c.first, c.second, x.* FROM cycle AS c
    JOIN edge AS x ON (x.reader = c.first AND x.writer = c.second) OR (x.reader = c.second AND x.writer = c.first)
),
found AS (
    SELECT first, second, max(e) AS e, max_by(reader, e) AS other FROM part GROUP BY first, second
),
against AS (
    SELECT s.e, list_distinct(flatten(list([x.read_e, x.e]))) AS against
    FROM found AS s JOIN part AS x ON x.first = s.first AND x.second = s.second GROUP BY s.e
)
SELECT s.e, list(DISTINCT p.path ORDER BY p.path) FILTER (p.path IS NOT NULL) AS fields, list(DISTINCT w.b ORDER BY w.b) AS others,
    list_sort(list_filter(any_value(a.against), lambda other: other <> s.e))[1:64] AS against,
    NULL::VARCHAR AS base, CASE WHEN bool_or(r.version_inferred) THEN 'inferred' ELSE 'recorded' END AS basis
FROM found AS s
JOIN part AS x ON x.first = s.first AND x.second = s.second
LEFT JOIN path AS p ON p.f = x.f AND x.e = s.e
JOIN event AS r ON r.e = x.read_e
JOIN writer AS w ON w.unit = s.other
JOIN against AS a ON a.e = s.e
GROUP BY s.e
