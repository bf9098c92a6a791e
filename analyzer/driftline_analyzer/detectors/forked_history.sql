-- code: DRF602
-- severity: warning
-- standard: unresolved fork of a version history (divergent heads; sibling versions, DeCandia et al. 2007, "Dynamo")
-- reads: findings
-- message: {branch} made a second version of {object} from version {base}, beside that of {others}, and nothing reconciled them
-- fix: Merge version {version} of {object} with what {others} made of {seen}, naming both as bases; then let the store refuse a second child of one version (compare-and-set on the parent).
--
-- ## What it finds
-- Where no store orders the versions of an object (they are labels, or the trace has no order): two or more versions, made
-- by different branches, that name the same parent, and no later version that descends from both. Parents are the base
-- that a write declares, each base of a merge, and, for a write of the whole object, the base worked out from what its
-- branch had seen. A patch whose base was only worked out names none: it means single fields. In a trace without an order
-- it gives way to what DRF101 finds at the same write.
--
-- ## Why it matters
-- There are two truths from here on. Which one a reader gets depends on which head it happens to look at, and whoever
-- merges later has to guess what was meant to survive.
--
-- ## Example
-- Two editors both start from revision `a`. One saves revision `b`, the other revision `c`. No revision has both for
-- ancestors.
--
-- ## Fix
-- Merge the heads (`merge` with both as bases); or let the store refuse a write whose parent has a child already
-- (compare-and-set on the parent).
--
-- ## Known limits
-- Only what was recorded counts: a merge made elsewhere is not seen. Each version is compared with the first that forked off
-- the same parent, not with every other. Versions that one branch made are not compared with each other.

WITH latest AS (
    SELECT o, parent, text, max(e) AS e, list_append(list(e), any_value(first)) AS members, bool_and(declared) AS declared
    FROM fork GROUP BY o, parent, text
),
-- The first of a fork and all that nothing reconciled with it.
party AS (
    SELECT o, parent, e, unnest(members) AS member FROM latest
),
named AS (
    SELECT p.o, p.parent, list(DISTINCT x.path ORDER BY x.path) AS fields
    FROM party AS p JOIN field AS f ON f.e = p.member JOIN path AS x ON x.f = f.f
    GROUP BY p.o, p.parent
)
SELECT l.e, coalesce(any_value(n.fields), []) AS fields,
    list(DISTINCT w.b ORDER BY w.b) FILTER (w.b <> own.b) AS others,
    list(DISTINCT p.member ORDER BY p.member) FILTER (p.member <> l.e) AS against,
    any_value(l.text) AS base, CASE WHEN any_value(l.declared) THEN 'recorded' ELSE 'inferred' END AS basis,
    -- without an order, a fork in which writers meet in a field is a lost update
    NOT getvariable('ordered') AND EXISTS (SELECT 1 FROM detected AS d WHERE d.code = 'DRF101' AND d.e = l.e) AS gives_way
FROM latest AS l
JOIN party AS p ON p.o = l.o AND p.parent = l.parent
JOIN write AS w ON w.e = p.member
JOIN write AS own ON own.e = l.e
LEFT JOIN named AS n ON n.o = l.o AND n.parent = l.parent
GROUP BY l.o, l.parent, l.e
