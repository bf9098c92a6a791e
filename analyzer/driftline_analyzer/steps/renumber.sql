-- Put the events of several processes, or of a clock that ran backwards, into clock order: `e` becomes the event's number
-- there. Only run when the order of loading is not already the order of the clock.

CREATE TEMP TABLE renumbered AS
SELECT e AS loaded, row_number() OVER (ORDER BY clock, p, seq, e) AS e
FROM event;

CREATE TABLE clock_ordered_event AS
SELECT n.e, l.* EXCLUDE (e)
FROM event AS l JOIN renumbered AS n ON n.loaded = l.e;

CREATE TABLE clock_ordered_field AS
SELECT n.e, l.* EXCLUDE (e)
FROM field AS l JOIN renumbered AS n ON n.loaded = l.e;

DROP TABLE event;
DROP TABLE field;
DROP TABLE renumbered;
ALTER TABLE clock_ordered_event RENAME TO event;
ALTER TABLE clock_ordered_field RENAME TO field;
