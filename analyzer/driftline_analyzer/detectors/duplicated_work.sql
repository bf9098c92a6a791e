-- code: DRF601
-- severity: warning
-- standard: duplicate execution; a missing idempotency key
-- message: {branch} did {task} again, although {others} had finished the same work
-- fix: Let {branch} look {task} up in a shared ledger, and claim it in the same step, before it starts; the result of {others} was there.
--
-- ## What it finds
-- A task starts with a signature (name and digest of inputs) for which the same work had already ended successfully, in
-- this branch or another: its result was, or could have been, visible.
--
-- ## Why it matters
-- Work is paid for twice, and the second result, derived later and from other context, may replace the first with something
-- that differs.
--
-- ## Example
-- Two researchers take the same question from a plan. The second starts after the first has written its answer.
--
-- ## Fix
-- Look the signature up in a shared ledger before starting, and claim it in the same step.
--
-- ## Known limits
-- Only work marked with `task` is seen. Repetition on purpose (a retry after success, polling) looks the same: give it another
-- input, such as the attempt's number. Two that overlap in time are not found: neither result was there to be seen.

WITH solved AS (
    SELECT signature, min(ended) AS ended, min_by(b, ended) AS b
    FROM task
    WHERE status = 'ok' AND ended IS NOT NULL AND signature IS NOT NULL
    GROUP BY signature
)
SELECT t.began AS e, [] AS fields, [s.b] AS others, [s.ended] AS against, NULL::VARCHAR AS base, 'recorded' AS basis
FROM task AS t JOIN solved AS s ON s.signature = t.signature AND s.ended < t.began
