-- Every setting of every contested field, in the order in which cures take them: one row a write and field.
--
--   e, o, f, b, round         the write's event, its object, field and branch, and the branch's round (null: nobody to wait for)
--   time, since               the write's clock, and since when its branch had worked on it
--   pos, base_pos             its position, and that of what its writer had seen of the field; null if it had seen nothing
--   wrote, saw                digests of what it put there and of what its writer had seen there; null where that was absent
--   wrote_value, saw_value    the same as JSON, where the trace keeps it
--   merges                    whether it is a merge, whose writer says that it saw what it merged
--
-- A field is contested if some write lost in it what another branch had put there, or overwrote it unread (`loss`). In every
-- other field each writer had seen what stood: there all cures come to the same.

WITH cell AS (
    SELECT DISTINCT o, f FROM loss
),
own AS (
    SELECT s.e, s.o, s.f, s.b, s.pos, s.digest, s.base_pos,
        lag({'pos': s.pos, 'e': s.e, 'digest': s.digest}) OVER (PARTITION BY s.o, s.f, s.b ORDER BY s.pos, s.e) AS mine
    FROM setting AS s SEMI JOIN cell USING (o, f)
),
stood AS (
    SELECT o, f, pos, max_by({'e': e, 'digest': digest}, e) AS set FROM own GROUP BY o, f, pos
),
-- What the writer had seen: what stood at its base, or what it had put there itself since.
seen AS (
    SELECT w.*, CASE WHEN w.mine IS NOT NULL AND (w.base_pos IS NULL OR w.mine.pos > w.base_pos)
        THEN {'e': w.mine.e, 'digest': w.mine.digest} ELSE s.set END AS saw
    FROM own AS w ASOF LEFT JOIN stood AS s ON s.o = w.o AND s.f = w.f AND w.base_pos >= s.pos
),
-- Since when: the branch's last sighting of the object before, else its own beginning.
sighted AS (
    SELECT e, lag(clock) OVER (PARTITION BY o, b ORDER BY e) AS before
    FROM event SEMI JOIN cell USING (o)
    WHERE op IN ('read', 'write', 'patch', 'merge', 'delete')
),
-- A write that was recorded late comes before the first that came after it.
placed AS (
    SELECT e, o, pos, min(e) OVER (PARTITION BY o ORDER BY pos DESC, e DESC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS k
    FROM (SELECT DISTINCT e, o, pos FROM own)
)
SELECT w.e, w.o, w.f, w.b, r.round, e.clock AS time, least(coalesce(t.before, began.clock), e.clock) AS since, w.pos, w.base_pos,
    w.digest AS wrote, w.saw.digest AS saw, own_field.value AS wrote_value, saw_field.value AS saw_value, e.op = 'merge' AS merges
FROM seen AS w
JOIN placed AS p ON p.e = w.e
JOIN event AS e ON e.e = w.e
JOIN branch AS b ON b.b = w.b
JOIN event AS began ON began.e = b.began
LEFT JOIN sighted AS t ON t.e = w.e
LEFT JOIN field AS own_field ON own_field.e = w.e AND own_field.f = w.f
LEFT JOIN field AS saw_field ON saw_field.e = w.saw.e AND saw_field.f = w.f
LEFT JOIN ({rounds}) AS r ON r.b = w.b
ORDER BY p.k, w.pos, w.e, w.f
