-- code: DRF107
-- severity: note
-- standard: stale base version, benign under field-level merge (optimistic concurrency control, Kung and Robinson 1981)
-- message: {branch} wrote {object} from version {base} although {others} had changed {fields} since; nothing was lost this time
-- fix: Nothing to mend now: {branch} set no field that {others} had changed.
-- fix (recorded): If that is luck and not design, make the write of {object} conditional on {seen} (compare-and-set).
-- fix (inferred): If that is luck and not design, declare the base (base=) and make the write of {object} conditional on it.
--
-- ## What it finds
-- A write whose base version was no longer the current one when it landed: another branch had changed the object in
-- between, but no field of this write was lost by it. Gives way to DRF104, and to DRF202 where the write is a merge; and
-- where the writer's own branch promoted the version it made, as a store does that holds each write against what stands.
--
-- ## Why it matters
-- The same schedule with one more shared field is a lost update. A system that shows many of these works by luck.
--
-- ## Example
-- Two branches read version 1. The first patches `/a`, the second patches `/b`, both from version 1. The fields are
-- disjoint, so both survive.
--
-- ## Fix
-- None needed if the fields are disjoint by design. Otherwise check the version before writing.
--
-- ## Known limits
-- With an inferred base, only reads and writes of the whole object count as a base of the object; a field that was read
-- alone is stale only if that field was changed.

WITH passed AS (
    SELECT w.e FROM write AS w JOIN mark AS m ON m.o = w.o AND m.v = w.v AND m.b = w.b AND m.e > w.e
    WHERE m.op = 'promote'
)
SELECT *, e IN (SELECT e FROM loss WHERE kind = 'blind') OR e IN (SELECT e FROM passed) AS gives_way
FROM overtaken(false)
UNION ALL
SELECT *, true FROM overtaken(true) WHERE e NOT IN (SELECT e FROM loss)
