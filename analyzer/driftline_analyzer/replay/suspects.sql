-- Replay, suspects: the writes that may come to anything else than to be promoted as they are, with no word from the gate.
--
--   suspect  e       every write of which that is not certain
--   rests    o, t    the objects that a write of o refers to or was derived from
--
-- Of all other writes it is certain: for each field that it sets or removes, its writer had seen what stood; and no check
-- of the gate has anything to look at, or what it looks at passes. Where that is dear to know, a write is suspect.

CREATE TABLE rests AS
SELECT DISTINCT o, target AS t FROM reference WHERE target IS NOT NULL AND target <> o AND getvariable('check_references')
UNION
SELECT DISTINCT w.o, x.o FROM (SELECT e, unnest(inputs).object AS object FROM event WHERE inputs IS NOT NULL) AS i
JOIN proposal AS w ON w.e = i.e JOIN object AS x ON x.object = i.object WHERE getvariable('check_inputs');

CREATE TABLE suspect AS
WITH branch_rank AS (
    SELECT b.b, r.rank, b.ended FROM branch AS b JOIN policy_phase AS r ON r.phase = b.phase WHERE getvariable('check_phases')
),
span AS (  -- when each phase was at work on each object
    SELECT w.o, r.rank, min(w.decided) AS began, max(greatest(w.decided, coalesce(r.ended, 1::BIGINT << 41))) AS over
    FROM proposal AS w JOIN branch_rank AS r ON r.b = w.b GROUP BY w.o, r.rank
),
sounded AS (  -- fields that are filled from the object's first write on
    SELECT s.o, s.f FROM setting AS s JOIN first ON first.o = s.o JOIN object AS x ON x.o = s.o
    SEMI JOIN policy_required AS q ON q.type = x.type
    GROUP BY s.o, s.f
    HAVING bool_and(s.digest IS NOT NULL AND coalesce(s.leaves, 1) > 0) AND bool_or(s.e = first.e)
),
whole_objects AS (
    SELECT x.o FROM object AS x SEMI JOIN strict ON strict.type = x.type
    UNION ALL
    SELECT low.o FROM span AS low JOIN span AS high ON high.o = low.o AND low.rank < high.rank AND low.over >= high.began
    UNION ALL
    SELECT DISTINCT o FROM (
        SELECT o, ordinal, row_number() OVER (PARTITION BY o ORDER BY ordinal) AS decided,
            row_number() OVER (PARTITION BY o ORDER BY pos, e) AS placed FROM proposal
    ) WHERE decided <> placed
    UNION ALL
    SELECT x.o FROM object AS x JOIN policy_required AS q ON q.type = x.type
    WHERE getvariable('check_completeness') AND NOT EXISTS (
        SELECT 1 FROM sounded AS s JOIN path AS p ON p.f = s.f WHERE s.o = x.o AND covers(q.path, p.path))
)
-- A field that another branch has set since its base.
SELECT e FROM setting
WHERE standing_e IS NOT NULL AND standing_b <> b AND (base_pos IS NULL OR base_pos < standing_pos)
UNION
SELECT e FROM proposal WHERE void OR asked OR (u IS NOT NULL AND ended IS NULL)
UNION
SELECT w.e FROM proposal AS w JOIN event AS x ON x.e = w.e
WHERE x.confidence < getvariable('floor') OR isnan(x.confidence) OR x.depth > getvariable('max_depth')
    OR (getvariable('check_inputs') AND len(x.inputs) > 0)
UNION  -- what does not say what it rests on
SELECT w.e FROM proposal AS w
JOIN (SELECT e, bool_or(coalesce(base_pos > 0, false)) AS known, bool_or(listed) AS listed FROM setting GROUP BY e) AS s ON s.e = w.e
ANTI JOIN first ON first.e = w.e
WHERE getvariable('check_lineage') AND s.listed AND NOT s.known
UNION  -- a task that another branch did as well
SELECT w.e FROM proposal AS w JOIN event AS x ON x.e = w.e JOIN task AS t ON t.t = x.t
JOIN (SELECT signature, min(b) AS low, max(b) AS high FROM task WHERE status = 'ok' GROUP BY signature) AS done
    ON done.signature = t.signature AND (done.low <> w.b OR done.high <> w.b)
WHERE getvariable('check_duplicates')
UNION  -- a removal of what something refers to
SELECT w.e FROM proposal AS w SEMI JOIN rests ON rests.t = w.o WHERE w.op = 'delete'
UNION  -- a reference to what is nowhere
SELECT r.e FROM reference AS r JOIN proposal AS w ON w.e = r.e WHERE getvariable('check_references') AND r.target IS NULL
UNION
SELECT w.e FROM proposal AS w SEMI JOIN whole_objects USING (o);

CREATE TABLE deciding (o INTEGER);
