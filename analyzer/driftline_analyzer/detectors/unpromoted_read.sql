-- code: DRF503
-- severity: warning
-- standard: read of unpublished state across a stage gate (compare a dirty read, P1, Berenson et al. 1995)
-- message: {branch} decided on a version of {object} that {others}, of an earlier phase, had not promoted
-- fix: Let {others} promote version {version} of {object} before {branch} reads it, or let {branch} read the newest promoted version.
--
-- ## What it finds
-- In a trace with promotions, or under a policy that states its phases: a branch reads a version that a branch of an
-- earlier phase made, nobody had promoted it by then, and the reader goes on to write something. One finding for
-- each branch and version.
--
-- ## Why it matters
-- Promotion is how a phase says that a version may be built upon. Whoever reads past it builds on a draft; when the
-- draft is changed or refused, what was built stays.
--
-- ## Example
-- A researcher writes version 3 of `context/42` and promotes version 2. An enricher reads version 3 and writes its
-- links.
--
-- ## Fix
-- Read the newest promoted version; or promote before handing over; or, if nothing is meant to be promoted, state no
-- phases in the policy.
--
-- ## Known limits
-- One promotion anywhere is taken for the custom of the whole system, unless a policy states its phases anyway. A
-- reader that writes nothing afterwards decided nothing that is seen.

WITH known AS (
    SELECT o, v, min(e) AS e FROM mark WHERE op = 'promote' GROUP BY o, v
),
made AS (
    SELECT DISTINCT w.o, w.v, w.b, s.rank FROM write AS w JOIN staged AS s ON s.b = w.b WHERE NOT w.void AND w.pos IS NOT NULL
),
early AS (
    SELECT r.e, r.o, r.v, r.b, m.b AS maker
    FROM read AS r JOIN staged AS s ON s.b = r.b JOIN made AS m ON m.o = r.o AND m.v = r.v AND m.rank < s.rank
    LEFT JOIN known AS p ON p.o = r.o AND p.v = r.v
    WHERE (p.e IS NULL OR p.e > r.e) AND (getvariable('phases_stated') OR EXISTS (FROM known))
),
strange AS (
    SELECT e.* FROM early AS e
    ANTI JOIN descent AS up ON up.b = e.b AND up.ancestor = e.maker
    ANTI JOIN descent AS down ON down.b = e.maker AND down.ancestor = e.b
),
first AS (
    SELECT min(e) AS e, b, list(DISTINCT maker) AS makers FROM strange GROUP BY o, v, b
)
SELECT f.e, []::VARCHAR[] AS fields, list_sort(f.makers) AS others, [w.e] AS against, NULL::VARCHAR AS base, 'recorded' AS basis
FROM first AS f ASOF JOIN (SELECT e, b FROM write WHERE NOT void AND pos IS NOT NULL) AS w ON w.b = f.b AND w.e > f.e
