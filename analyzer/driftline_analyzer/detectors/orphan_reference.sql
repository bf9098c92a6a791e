-- code: DRF302
-- severity: error
-- standard: foreign-key violation after a concurrent delete (referential integrity, Codd 1970)
-- message: {branch} used a reference to an object that {others} had removed
-- fix (read): Let {branch} ask for the current state of {object} instead of version {version}, which it was handed: {others} had removed the object.
-- fix (write): Let {branch} look the target up in the same step that writes {fields} of {object}: {others} had removed it.
-- fix (patch): Let {branch} look the target up in the same step that sets {fields} of {object}: {others} had removed it.
-- fix (merge): Let {branch} look the target up before it stores {fields} in its merge: {others} had removed it.
--
-- ## What it finds
-- A write declares a reference to an object that had been removed by then; or a branch reads a version of an object that
-- had been removed by then. An object is removed when the newest write of it so far is a `delete`.
--
-- ## Why it matters
-- The link looks alive. Whoever follows it finds nothing, or finds a copy that nobody maintains any more.
--
-- ## Example
-- A branch reads `agent/1`; another deletes it; the first writes `task/7` with `/owner` naming `agent/1`.
--
-- ## Fix
-- Check the target in the same atomic step that writes the reference; or delete only what nothing refers to; or gate
-- promotion on reference validity.
--
-- ## Known limits
-- References are seen only where they are declared (`refs=`, `references=`) or the policy declares them. Removal is judged by
-- the time of recording across objects, since no store orders two objects.

WITH orphan AS (
    SELECT r.e, r.path, n.write.b AS b, n.write.e AS removal
    FROM (FROM reference WHERE target IN (SELECT o FROM newest)) AS r ASOF JOIN newest AS n ON n.o = r.target AND r.e > n.e
    WHERE n.write.op = 'delete'
    UNION ALL
    SELECT r.e, NULL, n.write.b, n.write.e
    FROM (FROM read WHERE o IN (SELECT o FROM newest)) AS r ASOF JOIN newest AS n ON n.o = r.o AND r.e > n.e
    WHERE n.write.op = 'delete' AND r.pos < n.write.pos
)
SELECT e, coalesce(list(DISTINCT path ORDER BY path) FILTER (path IS NOT NULL), []) AS fields,
    list_sort(list(DISTINCT b)) AS others, list_sort(list(DISTINCT removal)) AS against,
    NULL::VARCHAR AS base, 'recorded' AS basis
FROM orphan
GROUP BY e
