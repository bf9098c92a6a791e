-- code: DRF504
-- severity: error
-- standard: use of quarantined data; a dirty read of state that was set aside (compare G1a, Adya 1999)
-- message: {branch} read {object}, a version that {others} had put into quarantine
-- fix: Let {branch} ask for promoted versions of {object} only; if version {version} is sound after all, release it (promote).
--
-- ## What it finds
-- A branch reads a version that another branch had put into quarantine, and that nobody had promoted since. One
-- finding for each branch and version, at its first such read.
--
-- ## Why it matters
-- Somebody looked at this version and found it wanting. A reader that does not ask builds on it all the same, and
-- what it writes is not marked as anything.
--
-- ## Example
-- A gate quarantines version 8 of `context/42`, since its owner is gone. A writer that was handed version 8 reads it
-- and drafts the report from it.
--
-- ## Fix
-- Let readers ask for promoted versions only; or let the store refuse a quarantined one; or release it (`promote`)
-- once it has been looked at.
--
-- ## Known limits
-- A branch that reads what it put into quarantine itself, to mend it, is not found; nor is one that had read the
-- version before. Whether the quarantine came first is judged by the time of recording.

WITH judged AS (
    SELECT o, v, e, b, op = 'promote' AS released FROM mark WHERE op IN ('quarantine', 'promote')
),
-- For each mark of a version: the newest quarantine since its last promotion, and the newest by another branch than that.
since AS (
    SELECT *, sum(released::INTEGER) OVER (PARTITION BY o, v ORDER BY e) AS release FROM judged
),
turned AS (
    SELECT *, CASE WHEN lag(b) OVER run <> b THEN lag(e) OVER run END AS turn
    FROM since WHERE NOT released
    WINDOW run AS (PARTITION BY o, v, release ORDER BY e)
),
held AS (
    SELECT o, v, e, b, e AS newest, last_value(turn IGNORE NULLS) OVER (
        PARTITION BY o, v, release ORDER BY e ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS other
    FROM turned
    UNION ALL
    SELECT o, v, e, NULL, NULL, NULL FROM since WHERE released
),
early AS (
    SELECT r.e, r.o, r.v, r.b, CASE WHEN h.b <> r.b THEN h.newest ELSE h.other END AS quarantine
    FROM (FROM read SEMI JOIN judged USING (o, v)) AS r ASOF JOIN held AS h ON h.o = r.o AND h.v = r.v AND r.e > h.e
),
first AS (
    SELECT min(e) AS e, min_by(quarantine, e) AS quarantine FROM early WHERE quarantine IS NOT NULL GROUP BY o, v, b
),
named AS (
    SELECT r.e, list(p.path ORDER BY p.path) AS fields
    FROM first AS r JOIN field AS x ON x.e = r.e JOIN path AS p ON p.f = x.f GROUP BY r.e
)
SELECT r.e, coalesce(n.fields, []) AS fields, [m.b] AS others, [r.quarantine] AS against, NULL::VARCHAR AS base,
    'recorded' AS basis
FROM first AS r JOIN mark AS m ON m.e = r.quarantine LEFT JOIN named AS n ON n.e = r.e
