-- code: DRF501
-- severity: error
-- standard: missing barrier between phases (bulk-synchronous parallelism, Valiant 1990); a read of unfinished state
-- message: {branch} worked with {fields} of {object} while {others}, of an earlier phase, had yet to change it
-- fix (read): Let {branch} wait until {others} is done with {object}, or read promoted versions only: at version {version} {fields} had yet to change.
-- fix (write): Let {branch} wait until {others} is done with {object} before it saves all of it.
-- fix (patch): Let {branch} wait until {others} is done with {object} before it sets {fields}.
-- fix (merge): Let {branch} wait until {others} is done with {object} before it merges.
-- fix (delete): Let {branch} wait until {others} is done with {object} before it deletes it.
--
-- ## What it finds
-- A branch reads or writes an object, and afterwards a branch of an earlier phase, which had begun by then, changes
-- a field that was read or written. The order of phases is the policy's, or reasoning, enrichment, compression,
-- orchestration. A branch and those that it forked, however far down, are no strangers to each other. One finding
-- for each branch and object, at the first such read or write; where DRF502 says more, it speaks.
--
-- ## Why it matters
-- The later phase took for finished what was not. Each of its outputs is right for a state that lasted for a moment,
-- and nothing makes it look again.
--
-- ## Example
-- Three researchers fill `context/42`. An enricher starts when the first two are done. The third adds its facts
-- while the enricher is linking the others'.
--
-- ## Fix
-- Wait for all branches of a phase before the next one starts on their objects; or promote versions, and let the
-- next phase read only what was promoted.
--
-- ## Known limits
-- Branches without a phase, or of one that is not in the order, are left out. A branch of an earlier phase that
-- begins after the read (another round) is no violation. Where more than 64 branches are still at work, the 64 that
-- finish first are named.

WITH compressed AS (
    SELECT o, b, found_e FROM overtaken WHERE how = 'compression'
)
SELECT coalesce(c.found_e, x.e) AS e, list_sort(list(DISTINCT p.path)) AS fields, list_sort(list(DISTINCT w.b)) AS others,
    list_sort(list(DISTINCT w.w))[:64] AS against, NULL::VARCHAR AS base, 'recorded' AS basis,
    any_value(c.found_e) IS NOT NULL AS gives_way
FROM overtaken AS x
JOIN overtaker AS w ON w.n = x.n JOIN path AS p ON p.f = w.f
LEFT JOIN compressed AS c ON c.o = x.o AND c.b = x.b
WHERE x.how = 'use'
GROUP BY x.n, x.e, c.found_e
