-- Replay, verdicts: what a live store recorded of its own decisions (docs/discipline.md).
--
--   verdict  e, verdict, landed   the event of the merge that a proposal became part of, or that released it; else null
--
-- A store's are the writes that its branch promotes as its next event, and those that it put into a unit of its own for
-- proposals. Whatever else is in the trace no store has decided: it is taken out of `proposal`.

CREATE TABLE verdict AS
WITH following AS (
    SELECT e, lead(e) OVER (PARTITION BY b ORDER BY e) AS next_e FROM event
),
asked AS (
    SELECT w.e, min(l.e) AS landed, arg_min(m.op, m.e) AS said
    FROM proposal AS w
    LEFT JOIN write AS l ON l.o = w.o AND l.v = w.v AND l.e > w.e AND NOT l.void
    LEFT JOIN mark AS m ON m.o = w.o AND m.v = w.v AND m.e > w.e AND m.op IN ('quarantine', 'reject')
    WHERE w.asked GROUP BY w.e
)
SELECT e, CASE WHEN landed IS NOT NULL THEN 'merged' WHEN said = 'quarantine' THEN 'quarantined'
    WHEN said = 'reject' THEN 'rejected' ELSE 'discarded' END AS verdict, landed
FROM asked
UNION ALL
SELECT w.e, CASE WHEN x.strategy = 'driftline.release' THEN 'released' ELSE 'promoted' END,
    CASE WHEN x.strategy = 'driftline.release' THEN w.e END
FROM proposal AS w
JOIN event AS x ON x.e = w.e
JOIN following AS f ON f.e = w.e
JOIN mark AS m ON m.e = f.next_e AND m.op = 'promote' AND m.o = w.o AND m.v = w.v
WHERE NOT w.asked AND NOT w.void;

DELETE FROM proposal WHERE e NOT IN (SELECT e FROM verdict);
