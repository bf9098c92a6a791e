-- code: DRF203
-- severity: error
-- standard: aborted read, G1a (Adya 1999); dirty read, A1 (Berenson et al. 1995)
-- message: {branch} read {fields} of {object} as {others} had left it, in work that was then undone or failed
-- fix: Let {branch} read only committed or promoted versions of {object}, and derive again what it made of version {version}.
-- fix (stranger): Let {others} write in a unit, to a version that nobody sees before the commit.
-- fix (kin): One of the branches forked the other: pass on whether the work of {others} succeeded before reading it.
--
-- ## What it finds
-- A branch reads a version that another branch made in a unit that was aborted, or outside any unit when the branch that made
-- it went on to fail. Reads in the same unit know of the abort; and what a failing branch had written was meant for the
-- branches that it forked.
--
-- ## Why it matters
-- The value was taken back, or nobody answers for it any more, and the reader went on with it: whatever it decided rests on
-- something that officially never happened.
--
-- ## Example
-- An enricher writes `/status` of `order/7` in a unit that it then aborts. Meanwhile a scheduler reads the order and sends it
-- off.
--
-- ## Fix
-- Read what is committed or promoted only; or write under a version that nobody sees until the unit commits; or derive again
-- when a unit that was read from aborts.
--
-- ## Known limits
-- A branch that failed after its work was done and sound is found as well: put such work into a unit, which says when it
-- counts. Of a version that was written several times, a read is taken to have seen the newest one before it.

WITH suspect AS (
    SELECT w.e, w.o, w.v, w.b, w.outermost, w.void, CASE WHEN w.void THEN u.voided ELSE x.ended END AS undoing
    FROM write AS w
    JOIN branch AS x ON x.b = w.b
    LEFT JOIN unit AS u ON u.u = w.u
    WHERE w.void OR (w.u IS NULL AND x.status = 'failed')
),
reading AS (
    SELECT r.e, r.o, r.v, r.b, r.whole, s.e AS made, s.b AS other, s.undoing
    FROM read AS r
    JOIN suspect AS s ON s.o = r.o AND s.v = r.v AND s.b <> r.b
    LEFT JOIN remade AS m ON m.e = r.e
    LEFT JOIN descent AS d ON d.b = r.b AND d.ancestor = s.b
    WHERE coalesce(m.made, s.e) = s.e
        AND (s.outermost IS NULL OR r.outermost IS DISTINCT FROM s.outermost)
        AND (s.void OR d.b IS NULL)
),
-- What each of those writes set; where there is no order, what it lists.
assigned AS (
    SELECT s.e, x.f FROM suspect AS s JOIN undone AS x ON x.e = s.e
    UNION
    SELECT s.e, x.f FROM suspect AS s JOIN setting AS x ON x.e = s.e
    UNION
    SELECT s.e, x.f FROM suspect AS s JOIN field AS x ON x.e = s.e WHERE NOT getvariable('ordered')
),
seen AS (
    SELECT r.e, a.f FROM reading AS r JOIN assigned AS a ON a.e = r.made WHERE r.whole
    UNION ALL
    SELECT r.e, a.f FROM reading AS r JOIN field AS f ON f.e = r.e JOIN assigned AS a ON a.e = r.made AND a.f = f.f
    WHERE NOT r.whole
),
first AS (
    SELECT b, o, v, min(e) AS e FROM reading WHERE whole OR e IN (SELECT e FROM seen) GROUP BY b, o, v
)
SELECT r.e, coalesce(list(DISTINCT p.path ORDER BY p.path) FILTER (p.path IS NOT NULL), []) AS fields,
    [any_value(r.other)] AS others, list_sort([any_value(r.made), any_value(r.undoing)]) AS against,
    NULL::VARCHAR AS base, CASE WHEN any_value(e.version_inferred) THEN 'inferred' ELSE 'recorded' END AS basis
FROM first
JOIN reading AS r ON r.e = first.e
JOIN event AS e ON e.e = r.e
LEFT JOIN seen AS s ON s.e = r.e
LEFT JOIN path AS p ON p.f = s.f
GROUP BY r.e
