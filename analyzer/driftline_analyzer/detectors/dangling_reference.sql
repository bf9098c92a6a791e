-- code: DRF301
-- severity: error
-- standard: foreign-key violation, a reference to a missing row (referential integrity, Codd 1970)
-- message: {branch} wrote a reference in {fields} of {object} to an object that did not exist
-- fix (unit): Let {branch} write the target in the same unit as {fields} of {object}, or look it up before the commit.
-- fix (loose): Let {branch} write the target before {fields} of {object}, or both in one unit, or look the target up first.
--
-- ## What it finds
-- A write refers to an object that did not exist by then: nobody had written it or read a version of it, and nobody
-- wrote it in the same unit of work. An object that is first seen in a read or a delete was there before the trace
-- began, and is not found. One that existed and was removed is an orphan (DRF302).
--
-- ## Why it matters
-- The payload is valid and the write succeeds. Whoever follows the link later finds nothing, or waits for something
-- that another branch was going to write and never did.
--
-- ## Example
-- A planner assigns `task/7` to `agent/9` on the word of a model. There is no `agent/9`.
--
-- ## Fix
-- Write the target first, or both in one unit; or look the target up in the step that writes the reference; or gate
-- promotion on reference validity.
--
-- ## Known limits
-- References are seen only where they are declared (`refs=`, `references=`) or the policy declares them. An object
-- that lives outside the trace, which nobody reads or writes while it is recorded, looks like one that never was.
-- In a trace that holds a sample of the objects, a target that it does not hold is taken to exist.
-- Which of two objects was first is judged by the time of recording, since no store orders two objects.

WITH sign AS (
    SELECT o, e, op::VARCHAR AS op FROM write WHERE NOT void
    UNION ALL
    SELECT o, e, 'read' FROM read
),
first AS (
    SELECT o, min(e) AS e, min_by(op, e) AS op
    FROM sign SEMI JOIN reference AS r ON r.target = sign.o
    GROUP BY o
),
missing AS (
    SELECT r.e, r.path, r.target, w.outermost
    FROM reference AS r JOIN write AS w ON w.e = r.e LEFT JOIN first AS f ON f.o = r.target
    WHERE (f.e IS NULL AND NOT coalesce(getvariable('sampled'), false))
        OR (getvariable('ordered') AND f.e > r.e AND f.op NOT IN ('read', 'delete'))
)
SELECT m.e, list(DISTINCT m.path ORDER BY m.path) AS fields, []::INTEGER[] AS others, []::BIGINT[] AS against,
    NULL::VARCHAR AS base, 'recorded' AS basis
FROM missing AS m ANTI JOIN write AS w ON w.o = m.target AND w.outermost = m.outermost AND NOT w.void
GROUP BY m.e
