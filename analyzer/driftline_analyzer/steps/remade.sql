-- Step remade: which of its writes a read saw, for the versions that several writes made.
--
--   repeated  o, v, first   versions that several writes made, and the first of these
--   remade    e, made       a read of one, and of the writes of its version the newest one earlier than the read, else the first
--
-- Of any other version that was written, the one write is what a read of it saw: join `read` and `write` by (o, v), leave
-- in what is not here, and keep of what is here the write that it names.

CREATE TABLE repeated AS
SELECT o, v, min(e) AS first FROM write GROUP BY o, v HAVING count(*) > 1;

CREATE TABLE remade AS
SELECT r.e, coalesce(m.e, x.first) AS made
FROM read AS r
JOIN repeated AS x ON x.o = r.o AND x.v = r.v
ASOF LEFT JOIN (FROM write SEMI JOIN repeated USING (o, v)) AS m ON m.o = r.o AND m.v = r.v AND r.e > m.e;
