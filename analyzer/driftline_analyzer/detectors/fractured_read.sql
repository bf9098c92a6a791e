-- code: DRF205
-- severity: error
-- standard: fractured read (Bailis et al. 2014, RAMP); read skew, A5A (Berenson et al. 1995)
-- message: {branch} read {fields} of {object} from before a unit of {others}, and another part of the same unit from after it
-- fix (unit): Let {branch} take one snapshot of all that its unit reads: its {fields} of {object} is from before the unit of {others}.
-- fix (loose): Let {branch} read all parts in one snapshot, or read {fields} of {object} again when another part is newer: the unit of {others} had changed them together.
--
-- ## What it finds
-- A unit changed several objects together and committed. A branch read one of them as the unit left it, and another as it was
-- before the unit, in fields that the unit changed; and it did not look again. What counts together is what a branch reads in
-- one unit of its own; outside units, what it reads in one task between two of its writes. The branches that wrote in the unit,
-- and those that these forked from, know what it did.
--
-- ## Why it matters
-- Both values are valid, and they never stood side by side. Whatever is derived from the two describes a state that the
-- system was never in.
--
-- ## Example
-- An orchestrator moves a task from `queue/1` to `queue/2` in one unit. A dispatcher read `queue/2` before and reads `queue/1` after: the
-- task is in neither.
--
-- ## Fix
-- Read the parts in one snapshot; or read the unit's version from each part and read again those that lag behind; or keep what
-- changes together in one object.
--
-- ## Known limits
-- A branch that reads both parts and uses only one is found as well. A unit of which a part was overwritten before the read is
-- not recognised by that part.

WITH wide AS (
    SELECT w.outermost AS u FROM write AS w JOIN unit AS x ON x.u = w.outermost AND x.outcome = 0
    WHERE NOT w.void AND w.pos IS NOT NULL GROUP BY w.outermost HAVING min(w.o) <> max(w.o)
),
written AS (
    SELECT w.outermost AS u, w.e, w.o, w.b, w.pos FROM write AS w SEMI JOIN wide ON wide.u = w.outermost WHERE NOT w.void
),
part AS (
    SELECT *, count(*) OVER (PARTITION BY u) AS parts
    FROM (SELECT u, o, min({'pos': pos, 'e': e}) AS first, max(pos) AS last_pos FROM written GROUP BY u, o)
),
changed AS (
    SELECT DISTINCT w.u, w.o, s.f FROM written AS w JOIN setting AS s ON s.e = w.e WHERE s.changed
),
informed AS (
    SELECT u, b FROM written
    UNION
    SELECT w.u, d.ancestor FROM (SELECT DISTINCT u, b FROM written) AS w JOIN descent AS d ON d.b = w.b
),
-- The reads of whoever saw the last version that such a unit made of an object, by episode; an episode is its first read.
reader AS (
    SELECT DISTINCT r.b FROM read AS r JOIN part AS p ON p.o = r.o AND p.last_pos = r.pos
),
episodic AS (
    SELECT r.e, r.b, r.o, r.pos, r.whole, r.outermost,
        min(r.e) OVER (PARTITION BY r.b, r.outermost, CASE WHEN r.outermost IS NULL THEN {'t': r.t, 'since': w.e} END) AS ep
    FROM (FROM read SEMI JOIN reader USING (b) WHERE pos IS NOT NULL) AS r
    ASOF LEFT JOIN (FROM write SEMI JOIN reader USING (b)) AS w ON w.b = r.b AND r.e > w.e
    LEFT JOIN unit AS x ON x.u = r.outermost
    WHERE x.outcome IS DISTINCT FROM 2
),
held AS (
    SELECT *, count(*) OVER (PARTITION BY ep) AS objects
    FROM (SELECT ep, o, min(pos) AS lowest FROM episodic GROUP BY ep, o)
),
-- The first object of each unit that an episode saw in its last version, and the first other one.
touched AS (
    SELECT s.ep, p.u, s.o, min(s.e) AS e
    FROM episodic AS s JOIN part AS p ON p.o = s.o AND p.last_pos = s.pos
    LEFT JOIN informed AS i ON i.u = p.u AND i.b = s.b
    WHERE i.b IS NULL AND s.outermost IS DISTINCT FROM p.u
    GROUP BY s.ep, p.u, s.o
),
opened AS (
    SELECT ep, u, max(o) FILTER (no = 1) AS o, max(e) FILTER (no = 1) AS e, max(e) FILTER (no = 2) AS second
    FROM (SELECT *, row_number() OVER (PARTITION BY ep, u ORDER BY e) AS no FROM touched)
    WHERE no <= 2 GROUP BY ep, u
),
-- From the smaller side: through what the unit wrote, or through what the episode read.
missed AS (
    SELECT t.ep, t.u, p.o, p.first, CASE WHEN p.o = t.o THEN t.second ELSE t.e END AS seen
    FROM opened AS t JOIN part AS p ON p.u = t.u JOIN held AS h ON h.ep = t.ep AND h.o = p.o
    WHERE p.parts <= h.objects AND h.lowest < p.first.pos
    UNION ALL
    SELECT t.ep, t.u, p.o, p.first, CASE WHEN p.o = t.o THEN t.second ELSE t.e END
    FROM opened AS t JOIN held AS h ON h.ep = t.ep JOIN part AS p ON p.u = t.u AND p.o = h.o
    WHERE p.parts > h.objects AND h.lowest < p.first.pos
),
-- The newest read of each field in an episode.
suspect AS (
    SELECT s.* FROM episodic AS s SEMI JOIN missed AS m ON m.ep = s.ep AND m.o = s.o
),
whole_view AS (
    SELECT ep, o, max({'e': e, 'pos': pos}) AS read FROM suspect WHERE whole GROUP BY ep, o
),
field_view AS (
    SELECT s.ep, s.o, f.f, max({'e': s.e, 'pos': s.pos}) AS read
    FROM suspect AS s JOIN field AS f ON f.e = s.e WHERE NOT s.whole GROUP BY s.ep, s.o, f.f
),
fractured AS (
    SELECT *, min({'later': greatest(seen, read.e), 'e': read.e}) OVER (PARTITION BY ep, u) AS first_pair
    FROM (
        SELECT m.ep, m.u, m.o, m.first, m.seen, c.f,
            CASE WHEN w.read IS NULL OR p.read.e > w.read.e THEN p.read ELSE w.read END AS read
        FROM missed AS m
        JOIN changed AS c ON c.u = m.u AND c.o = m.o
        LEFT JOIN whole_view AS w ON w.ep = m.ep AND w.o = m.o
        LEFT JOIN field_view AS p ON p.ep = m.ep AND p.o = m.o AND p.f = c.f
        WHERE m.seen IS NOT NULL
    )
    WHERE read.pos < first.pos
),
found AS (
    SELECT * FROM fractured WHERE read.e = first_pair.e
)
SELECT f.read.e AS e, list(DISTINCT p.path ORDER BY p.path) AS fields,
    (SELECT list(DISTINCT w.b ORDER BY w.b) FROM written AS w WHERE w.u IN (SELECT x.u FROM found AS x WHERE x.read.e = f.read.e))
        AS others,
    list_sort(list(DISTINCT f.seen) || list(DISTINCT f.first.e))[:64] AS against, NULL::VARCHAR AS base,
    CASE WHEN bool_or(own.version_inferred OR seen.version_inferred) THEN 'inferred' ELSE 'recorded' END AS basis
FROM found AS f
JOIN path AS p ON p.f = f.f
JOIN event AS own ON own.e = f.read.e
JOIN event AS seen ON seen.e = f.seen
GROUP BY f.read.e
