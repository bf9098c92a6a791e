-- code: DRF502
-- severity: error
-- standard: a summary over a moving source; a stale materialised view (Gupta and Mumick 1995)
-- message: {branch} compressed a version that {others} then changed: {fields} of {object} may leave out what came later
-- fix (read): Let {branch} compress {object} only once it was finalised (snapshot, promote): {others} changed {fields} after it was read.
-- fix (write): Compress again into {object} from what {others} changed since, and let {branch} read only what was finalised (snapshot, promote).
-- fix (patch): Compress {fields} of {object} again from what {others} changed since, and let {branch} read only what was finalised (snapshot, promote).
-- fix (merge): Compress again into {object} from what {others} changed since, and let {branch} read only what was finalised (snapshot, promote).
-- fix (delete): Look again at what {others} changed since before {object} is deleted for good.
--
-- ## What it finds
-- A branch of the phase `compression` read an object, and a branch of an earlier phase changed a field that it saw
-- after that read. Found at the first write that compression made after its read (whether that came before or after
-- the change), or at the read if it made none. One finding for each compressing branch and object; objects that went
-- into one write are found together.
--
-- ## Why it matters
-- A summary stands in for its source from then on: later phases read it instead. What enrichment added afterwards is
-- in the source and not in the summary, so it is lost to everyone downstream although nobody overwrote it.
--
-- ## Example
-- A summariser reads `context/42` with three facts. An enricher adds a fourth. The summariser writes `/summary` from
-- three.
--
-- ## Fix
-- Compress only versions that were finalised (`snapshot`, `promote`); or wait until enrichment has ended; or
-- compress again when the source has moved.
--
-- ## Known limits
-- Only the phase of this name is looked at, at the place that the order of phases gives it. An enricher that begins
-- after the compressed write is another round, and not found. Where more than 64 branches are still at work, the 64
-- that finish first are named.

WITH moved AS (
    SELECT x.found_e, x.e, w.b, w.f, w.w FROM overtaken AS x JOIN overtaker AS w ON w.n = x.n WHERE x.how = 'compression'
),
evidence AS (
    SELECT found_e, list_sort(list_distinct(flatten(list([e, w])))) AS against
    FROM (SELECT found_e, e, min(w) AS w FROM moved GROUP BY found_e, e) GROUP BY found_e
),
-- What the compressing write changed; a read changes nothing, so there it is what was changed behind its back.
touched AS (
    SELECT s.e AS found_e, s.f FROM setting AS s SEMI JOIN moved AS m ON m.found_e = s.e WHERE s.changed
    UNION
    SELECT found_e, f FROM moved WHERE found_e = e
),
named AS (
    SELECT t.found_e, list(p.path ORDER BY p.path) AS fields FROM touched AS t JOIN path AS p ON p.f = t.f GROUP BY t.found_e
),
others AS (
    SELECT found_e, list_sort(list(DISTINCT b)) AS others FROM moved GROUP BY found_e
)
SELECT v.found_e AS e, coalesce(n.fields, []) AS fields, o.others,
    list_filter(v.against, lambda x: x <> v.found_e)[:64] AS against, NULL::VARCHAR AS base, 'recorded' AS basis
FROM evidence AS v JOIN others AS o ON o.found_e = v.found_e LEFT JOIN named AS n ON n.found_e = v.found_e
