-- code: DRF402
-- severity: warning
-- standard: not-null constraint violated (Codd 1970, entity completeness); completeness of data (ISO/IEC 25012)
-- message: {branch} left {object} without {fields}, which {basis:the policy requires|nearly every other of its type has (learned, not declared)}
-- fix (recorded): Let {branch} fill {fields} before version {version} of {object} is final, and let the gate hold it back until then: the policy requires it.
-- fix (inferred): Fill {fields} of {object}, and let the policy require it; if it may be missing, name the type in the policy, since this was only learned from its other objects.
--
-- ## What it finds
-- A finished version in which a required field is missing: no value of it, of a field below it or of one above it has a
-- filled leaf. Finished is the last version of an object that is not removed, and every version that was promoted or
-- declared immutable. Required is what the policy says for the type. For a type that the policy does not name it is learned,
-- for last versions only: at least 20 objects of the type stand at the end, and the field is filled in 95 % of them. Objects
-- of which no write of the whole was recorded are not judged: what they held before is not known.
--
-- ## Why it matters
-- Every step after this one takes the object for whole. The gap surfaces far away, as a default, a guess or a crash.
--
-- ## Example
-- Of 40 reports, 39 have a `/summary`. The branch that was to write the last one failed, and the report was published without.
--
-- ## Fix
-- Require the field in the policy, so that the gate holds the version back before it is promoted; and let the branch that is
-- to fill the field fail aloud.
--
-- ## Known limits
-- A learned field may be optional in truth: say so by naming the type in the policy. A run that ends early leaves unfinished
-- objects. A value that the trace does not follow so deep counts as filled if anything in it is.

WITH version AS (
    SELECT o, e, pos, {'pos': pos, 'e': e} AS place, op, full_no FROM write WHERE NOT void AND pos IS NOT NULL
),
last AS (
    SELECT o, max_by(v, place) AS v FROM version AS v GROUP BY o
),
final AS (
    SELECT l.o, l.v.e AS e, l.v.place AS place, true AS is_last, NULL AS decided FROM last AS l
    WHERE l.v.op <> 'delete' AND l.v.full_no > 0
    UNION ALL
    SELECT m.o, max(v.e), max(v.place), false, m.e FROM mark AS m JOIN version AS v ON v.o = m.o AND v.pos = m.pos
    WHERE m.op IN ('promote', 'snapshot')
    GROUP BY m.o, m.e
    HAVING max_by(v.op, v.e) <> 'delete' AND max_by(v.full_no, v.e) > 0
),
-- By policy: how many fields that fill each required one are filled, after every setting that changes their number.
demanded AS (
    SELECT o.o, q.path FROM policy_required AS q JOIN object AS o ON o.type = q.type SEMI JOIN final USING (o)
),
filling AS (
    SELECT q.path, p.f
    FROM (SELECT DISTINCT path FROM policy_required) AS q
    JOIN path AS p
        ON p.path = q.path OR starts_with(p.path, q.path || '/') OR starts_with(q.path, p.path || '/')
    WHERE NOT p.whole
),
counted AS (
    SELECT o, path, place, sum(delta) OVER (PARTITION BY o, path ORDER BY place ROWS UNBOUNDED PRECEDING) AS filled
    FROM (
        SELECT s.o, f.path, {'pos': s.pos, 'e': s.e} AS place,
            sum((s.digest IS NOT NULL AND coalesce(s.leaves, 1) > 0)::INTEGER
                - (s.standing IS NOT NULL AND coalesce(s.standing_leaves, 1) > 0)::INTEGER) AS delta
        FROM setting AS s JOIN filling AS f ON f.f = s.f JOIN demanded AS d ON d.o = s.o AND d.path = f.path
        GROUP BY ALL
    )
),
lacking AS (
    SELECT v.e, v.decided, v.path, 'recorded' AS basis
    FROM (SELECT v.*, d.path FROM final AS v JOIN demanded AS d ON d.o = v.o) AS v
    ASOF LEFT JOIN counted AS c ON c.o = v.o AND c.path = v.path AND v.place >= c.place
    WHERE coalesce(c.filled, 0) = 0
),
-- Learned: what is filled at the end in nearly all objects of a type.
peer AS (
    SELECT v.o, v.e, o.type, count(*) OVER (PARTITION BY o.type) AS peers
    FROM final AS v JOIN object AS o ON o.o = v.o ANTI JOIN policy_type AS p ON p.type = o.type
    WHERE v.is_last AND o.type IS NOT NULL
),
filled AS (
    SELECT s.o, s.f FROM setting AS s SEMI JOIN (FROM peer WHERE peers >= 20) AS p ON p.o = s.o
    WHERE s.until IS NULL AND s.digest IS NOT NULL AND coalesce(s.leaves, 1) > 0
),
had AS (
    SELECT o, f FROM filled
    UNION
    SELECT s.o, a.g FROM filled AS s JOIN above AS a ON a.f = s.f
),
usual AS (
    SELECT p.type, h.f
    FROM had AS h JOIN peer AS p ON p.o = h.o
    GROUP BY p.type, h.f
    HAVING 100 * count(*) >= 95 * any_value(p.peers) AND count(*) < any_value(p.peers)
),
learned AS (
    SELECT p.o, p.e, u.f FROM peer AS p JOIN usual AS u ON u.type = p.type ANTI JOIN had AS h ON h.o = p.o AND h.f = u.f
),
-- A field that the trace does not follow so deep.
deeper AS (
    SELECT l.o, l.f FROM learned AS l JOIN above AS a ON a.f = l.f JOIN filled AS s ON s.o = l.o AND s.f = a.g
),
missing AS (
    SELECT e, path, basis, decided FROM lacking
    UNION ALL
    SELECT l.e, x.path, 'inferred', NULL
    FROM learned AS l JOIN path AS x ON x.f = l.f ANTI JOIN deeper AS d ON d.o = l.o AND d.f = l.f
)
SELECT e, list(DISTINCT path ORDER BY path) AS fields, []::INTEGER[] AS others,
    coalesce(list(DISTINCT decided ORDER BY decided) FILTER (decided IS NOT NULL), [])[1:64] AS against,
    NULL::VARCHAR AS base, any_value(basis) AS basis
FROM missing
GROUP BY e
