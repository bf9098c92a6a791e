-- Which branches a barrier makes wait for each other: those of one parent and phase that were at work at one time.
--
--   b, round, began, ended, released   a round of two or more branches: when the branch began and ended, and when the last of it did
--
-- A branch of which no end was recorded ended with its last event.

WITH span AS (
    SELECT b.b, b.parent, b.phase, x.began, coalesce(e.clock, x.last) AS ended
    FROM branch AS b
    JOIN (SELECT b, min(clock) AS began, max(clock) AS last FROM event GROUP BY b) AS x ON x.b = b.b
    LEFT JOIN event AS e ON e.e = b.ended
),
met AS (
    SELECT *, coalesce(began > max(ended) OVER (
        PARTITION BY parent, phase ORDER BY began, b ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true) AS is_first
    FROM span
),
numbered AS (
    SELECT *, sum(is_first::INTEGER) OVER (PARTITION BY parent, phase ORDER BY began, b) AS n FROM met
)
SELECT b, min(b) OVER own AS round, began, ended, max(ended) OVER own AS released
FROM numbered
WINDOW own AS (PARTITION BY parent, phase, n)
QUALIFY count(*) OVER own > 1
