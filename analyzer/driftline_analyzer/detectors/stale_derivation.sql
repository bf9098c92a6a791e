-- code: DRF201
-- severity: warning
-- standard: derivation from a stale read (read-set validation, Kung and Robinson 1981; stale data in provenance, PROV-DM 2013)
-- message: {branch} wrote {fields} of {object} from an input that {others} had superseded by then
-- fix (recorded): Let {branch} check before it writes {object} that its declared inputs are still current, and derive {fields} again from what {others} made of them.
-- fix (inferred): Let {branch} look again at what it had read before it writes {object}, and derive {fields} again if {others} changed it; if that read did not enter the result, declare what did (inputs=[] for nothing).
--
-- ## What it finds
-- A write lands after another branch had changed a field, of another object, that it was derived from; and its own branch had
-- not seen that object since. What a write was derived from it declares (`inputs=`). Where it declares nothing, it is what
-- its branch read: outside tasks, since its previous write; in a task, everything read there, each field at the first write
-- that lands after the field was changed.
--
-- ## Why it matters
-- No version of the written object was skipped, so no version check can refuse it. The result is right for a state that is
-- gone, and everything derived from it inherits that.
--
-- ## Example
-- A summariser reads version 3 of `plan/1`. While the model thinks, a planner makes version 4 with another goal. The summary lands
-- in `report/1`, for the old goal.
--
-- ## Fix
-- Check before writing that each input is still the current version, and derive again if one moved; or store with the result
-- which versions it is of, so that readers can tell. Where a read did not enter the result, declare what did (`inputs=[]` for
-- nothing).
--
-- ## Known limits
-- What is not declared is guessed from the order of reads and writes: a read that did not enter the result is found as well,
-- and outside tasks only the first write after a read counts. Of very many changes the 64 oldest are looked at.

WITH landing AS (
    SELECT w.e, w.o, w.b, coalesce(x.t, 0) AS t, x.p, x.inputs IS NOT NULL AS declares, x.inputs
    FROM write AS w JOIN event AS x ON x.e = w.e
    SEMI JOIN (SELECT e FROM setting WHERE changed) AS c ON c.e = w.e
),
declared AS (
    SELECT n.e AS w, n.b, x.o,
        coalesce(m.pos, CASE WHEN n.input.label IS NULL AND c.o IS NULL THEN n.input.version ELSE -1 END) AS pos
    FROM (SELECT e, o, b, p, unnest(inputs) AS input FROM landing WHERE declares) AS n
    JOIN object AS x ON x.object = n.input.object AND x.o <> n.o
    LEFT JOIN (SELECT DISTINCT o FROM mention) AS c ON c.o = x.o
    LEFT JOIN mention AS m
        ON m.o = x.o AND m.p = (CASE WHEN n.input.label IS NULL THEN n.p ELSE -1 END)
        AND m.version = coalesce(n.input.version, 0) AND m.label = coalesce(n.input.label, '')
    WHERE n.input.version IS NOT NULL OR n.input.label IS NOT NULL
),
-- Up to which write a read may count: outside tasks the first one to land after it, and that alone; in a task the last.
last_landing AS (
    SELECT b, t, max(e) AS e FROM landing WHERE t > 0 GROUP BY b, t
),
followed AS (
    SELECT r.e, r.o, r.b, r.t, r.pos, r.whole, l.e AS w
    FROM (SELECT * EXCLUDE (t), 0 AS t FROM read WHERE pos IS NOT NULL AND t IS NULL) AS r
    ASOF JOIN landing AS l ON l.b = r.b AND l.t = r.t AND r.e < l.e
    WHERE NOT l.declares AND l.o <> r.o
    UNION ALL
    SELECT r.e, r.o, r.b, r.t, r.pos, r.whole, l.e
    FROM read AS r JOIN last_landing AS l ON l.b = r.b AND l.t = r.t AND r.e < l.e
    WHERE r.pos IS NOT NULL
),
-- Of those, the reads of a version above which the object was changed by then: few in a disciplined run.
moved AS (
    SELECT o, pos, min(e) OVER (PARTITION BY o ORDER BY pos DESC) AS e
    FROM (SELECT o, pos, min(e) AS e FROM setting WHERE changed GROUP BY o, pos)
),
overtaken_read AS (
    SELECT r.* FROM followed AS r ASOF JOIN moved AS m ON m.o = r.o AND r.pos < m.pos WHERE m.e < r.w
),
-- Every change of those objects, numbered; `step` has the first of each position, `by_then` the last that
-- was made by then.
change_of AS (
    SELECT s.o, s.f, s.pos, s.e, s.b, row_number() OVER (PARTITION BY s.o, s.f ORDER BY s.pos, s.e) AS c
    FROM setting AS s SEMI JOIN (SELECT o FROM overtaken_read UNION SELECT o FROM declared) AS x ON x.o = s.o
    WHERE s.changed
),
step AS (
    SELECT o, f, pos, min(c) AS c, min_by(e, c) AS e FROM change_of GROUP BY o, f, pos
),
by_then AS (
    SELECT o, f, e, max(c) OVER (PARTITION BY o, f ORDER BY e) AS c FROM change_of
),
cell AS (
    SELECT DISTINCT o, f FROM change_of
),
read_field AS (
    SELECT r.*, c.f FROM overtaken_read AS r JOIN cell AS c ON c.o = r.o WHERE r.whole
    UNION ALL
    SELECT r.*, f.f FROM overtaken_read AS r JOIN field AS f ON f.e = r.e WHERE NOT r.whole
),
inferred AS (
    SELECT w, b, o, f, pos FROM read_field WHERE t = 0
    UNION ALL
    SELECT l.e, r.b, r.o, r.f, r.pos
    FROM (
        SELECT r.*, greatest(r.e, s.e) AS due
        FROM (FROM read_field WHERE t > 0) AS r ASOF JOIN step AS s ON s.o = r.o AND s.f = r.f AND r.pos < s.pos
    ) AS r
    ASOF JOIN landing AS l ON l.b = r.b AND l.t = r.t AND r.due < l.e
    WHERE NOT l.declares AND l.o <> r.o
),
-- The fields that the branch had read of a declared input; all of them if it had read none.
known AS (
    SELECT d.*, r.e AS read_e, r.whole
    FROM declared AS d LEFT JOIN read AS r ON r.b = d.b AND r.o = d.o AND r.pos = d.pos AND r.e < d.w
),
used AS (
    SELECT k.w, k.b, k.o, c.f, k.pos, true AS declared FROM known AS k JOIN cell AS c ON c.o = k.o
    WHERE k.read_e IS NULL OR k.whole
    UNION
    SELECT k.w, k.b, k.o, f.f, k.pos, true FROM known AS k JOIN field AS f ON f.e = k.read_e WHERE NOT k.whole
    UNION
    SELECT w, b, o, f, pos, false FROM inferred
),
-- Up to which position each of those branches had seen the object, by itself or through branches that ended.
pair AS (
    SELECT DISTINCT b, o FROM used
),
seeing AS (
    SELECT b, o, e, pos FROM read WHERE pos IS NOT NULL
    UNION ALL
    SELECT b, o, e, pos FROM write WHERE NOT void AND pos IS NOT NULL
),
sight AS (
    SELECT b, o, e, max(pos) OVER (PARTITION BY b, o ORDER BY e) AS pos
    FROM (
        FROM seeing SEMI JOIN pair USING (b, o)
        UNION ALL
        SELECT p.b, p.o, x.ended, max(s.pos)
        FROM pair AS p
        JOIN descent AS d ON d.ancestor = p.b AND d.b <> p.b
        JOIN branch AS x ON x.b = d.b AND x.ended IS NOT NULL
        JOIN seeing AS s ON s.b = d.b AND s.o = p.o AND s.e < x.ended
        GROUP BY p.b, p.o, d.b, x.ended
    )
),
threshold AS (
    SELECT u.*, greatest(u.pos, s.pos) AS seen_pos
    FROM used AS u ASOF LEFT JOIN sight AS s ON s.b = u.b AND s.o = u.o AND u.w > s.e
),
superseding AS (
    SELECT t.w, t.declared, u.e, u.b
    FROM (
        SELECT t.*, unnest(range(s.c, least(s.c + 64, n.c + 1))) AS c
        FROM threshold AS t
        ASOF JOIN step AS s ON s.o = t.o AND s.f = t.f AND t.seen_pos < s.pos
        ASOF JOIN by_then AS n ON n.o = t.o AND n.f = t.f AND t.w > n.e
    ) AS t
    JOIN change_of AS u ON u.o = t.o AND u.f = t.f AND u.c = t.c AND u.e < t.w
),
found AS (
    SELECT w, list(DISTINCT b ORDER BY b) AS others, list(DISTINCT e ORDER BY e)[:64] AS against, bool_and(declared) AS declared
    FROM superseding GROUP BY w
)
SELECT f.w AS e, list(p.path ORDER BY p.path) AS fields, any_value(f.others) AS others, any_value(f.against) AS against,
    NULL::VARCHAR AS base, CASE WHEN any_value(f.declared) THEN 'recorded' ELSE 'inferred' END AS basis
FROM found AS f
JOIN setting AS s ON s.e = f.w AND s.changed
JOIN path AS p ON p.f = s.f
GROUP BY f.w
