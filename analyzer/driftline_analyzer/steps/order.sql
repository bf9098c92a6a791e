-- Step 2, order: names become numbers, units get their outcome, versions their position (docs/model.md).
--
--   object  o, object, type                       branch  b, branch, name, phase, parent, started, ended, status, reason
--   path    f, path (f = 0 stands for the whole object)
--   unit    u, unit, name, b, parent, began, ended, outcome, effective, open_unit
--   task    t, task, name, b, signature, began, ended, status
--   event   e, ..., b, u, t, o                    field   e, f, ...
--   mention o, p, version, label, pos             only for objects whose versions the clock orders

CREATE TABLE object AS
SELECT row_number() OVER (ORDER BY first_seen)::INTEGER AS o, object, type
FROM (
    SELECT object, max_by(type, e) AS type, min(e) AS first_seen
    FROM loaded_event WHERE object IS NOT NULL GROUP BY object
);

CREATE TABLE branch AS
WITH named AS (
    SELECT branch, min(e) AS first_seen,
        any_value(name) FILTER (op = 'branch-start') AS name,
        any_value(phase) FILTER (op = 'branch-start') AS phase,
        any_value(parent) FILTER (op = 'branch-start') AS parent,
        min(e) FILTER (op = 'branch-start') AS started,
        max(e) FILTER (op = 'branch-end') AS ended,
        max_by(status, e) FILTER (op = 'branch-end') AS status,
        max_by(reason, e) FILTER (op = 'branch-end') AS reason
    FROM loaded_event GROUP BY branch
),
numbered AS (
    SELECT row_number() OVER (ORDER BY first_seen)::INTEGER AS b, * FROM named
)
SELECT n.b, n.branch, coalesce(n.name, regexp_replace(n.branch, '#[^#]*$', '')) AS name, n.phase, up.b AS parent,
    n.started, n.ended, n.status, n.reason
FROM numbered AS n LEFT JOIN numbered AS up ON up.branch = n.parent;

CREATE TABLE path AS
SELECT 0 AS f, '' AS path, true AS whole
UNION ALL
SELECT row_number() OVER (ORDER BY path)::INTEGER, path, false FROM (SELECT DISTINCT path FROM loaded_field);

-- Units. Outcomes are coded 0 committed, 1 unknown, 2 aborted, so that the worst around a unit is the greatest. A chain
-- of parents longer than 64, or circular, is followed no further.
CREATE TABLE unit AS
WITH RECURSIVE named AS (
    SELECT unit, min(e) AS first_seen,
        any_value(name) FILTER (op = 'unit-begin') AS name,
        any_value(branch) FILTER (op = 'unit-begin') AS branch,
        any_value(parent) FILTER (op = 'unit-begin') AS parent,
        min(e) FILTER (op = 'unit-begin') AS began,
        max(e) FILTER (op IN ('unit-commit', 'unit-abort')) AS ended,
        CASE WHEN bool_or(op = 'unit-abort') THEN 2 WHEN bool_or(op = 'unit-commit') THEN 0 ELSE 1 END AS outcome
    FROM loaded_event WHERE unit IS NOT NULL GROUP BY unit
),
numbered AS (
    SELECT row_number() OVER (ORDER BY first_seen)::INTEGER AS u, * FROM named
),
enclosing AS (
    SELECT n.u, n.u AS around, n.parent, n.outcome, 0 AS height FROM numbered AS n
    UNION ALL
    SELECT inner_.u, outer_.u, outer_.parent, outer_.outcome, inner_.height + 1
    FROM enclosing AS inner_ JOIN numbered AS outer_ ON outer_.unit = inner_.parent
    WHERE inner_.height < 64
),
worst AS (
    SELECT u, max(outcome) AS effective, max_by(around, height) FILTER (outcome <> 0) AS open_unit
    FROM enclosing GROUP BY u
)
SELECT n.u, n.unit, coalesce(n.name, regexp_replace(n.unit, '#[^#]*$', '')) AS name, b.b, up.u AS parent, n.began, n.ended,
    n.outcome, worst.effective, worst.open_unit
FROM numbered AS n JOIN worst ON worst.u = n.u
LEFT JOIN branch AS b ON b.branch = n.branch
LEFT JOIN numbered AS up ON up.unit = n.parent;

CREATE TABLE task AS
WITH named AS (
    SELECT task, min(e) AS began,
        any_value(name) FILTER (op = 'task-start') AS name,
        any_value(branch) FILTER (op = 'task-start') AS branch,
        any_value(signature) FILTER (op = 'task-start') AS signature,
        max(e) FILTER (op = 'task-end') AS ended,
        max_by(status, e) FILTER (op = 'task-end') AS status
    FROM loaded_event WHERE task IS NOT NULL GROUP BY task
)
SELECT row_number() OVER (ORDER BY n.began)::INTEGER AS t, n.task, coalesce(n.name, n.task) AS name, b.b, n.signature,
    n.began, n.ended, n.status
FROM named AS n LEFT JOIN branch AS b ON b.branch = n.branch;

CREATE TABLE event AS
SELECT l.e, l.p, l.seq, l.clock, l.op, b.b, u.u, t.t, o.o,
    l.* EXCLUDE (e, p, seq, clock, op, branch, unit, task, object, type)
FROM loaded_event AS l
JOIN branch AS b ON b.branch = l.branch
LEFT JOIN object AS o ON o.object = l.object
LEFT JOIN unit AS u ON u.unit = l.unit
LEFT JOIN task AS t ON t.task = l.task;
DROP TABLE loaded_event;

CREATE TABLE field AS
SELECT l.e, p.f, l.* EXCLUDE (e, path)
FROM loaded_field AS l JOIN path AS p ON p.path = l.path AND NOT p.whole;
DROP TABLE loaded_field;

-- Objects whose versions the clock orders: some version is a label or missing, or several processes numbered them.
CREATE TEMP TABLE clock_ordered AS
SELECT o FROM event WHERE o IS NOT NULL
GROUP BY o
HAVING bool_or(label IS NOT NULL)
    OR bool_or(op IN ('write', 'patch', 'merge', 'delete') AND version IS NULL)
    OR min(p) FILTER (op IN ('write', 'patch', 'merge', 'delete') AND version_inferred)
        <> max(p) FILTER (op IN ('write', 'patch', 'merge', 'delete') AND version_inferred);

-- There, numbers are told apart by process and labels are not: `p` is -1 for a label.
CREATE TABLE mention AS
SELECT o, CASE WHEN label IS NULL THEN p ELSE -1 END AS p, coalesce(version, 0) AS version, coalesce(label, '') AS label,
    min(e) AS pos
FROM event SEMI JOIN clock_ordered USING (o)
WHERE version IS NOT NULL OR label IS NOT NULL
GROUP BY ALL
UNION ALL  -- bases that were never mentioned lie before everything
SELECT DISTINCT o, p, version, label, -1 AS pos
FROM (
    SELECT e.o, CASE WHEN named.label IS NULL THEN e.p ELSE -1 END AS p, coalesce(named.version, 0) AS version,
        coalesce(named.label, '') AS label
    FROM (
        SELECT e, base AS version, base_label AS label FROM event
        UNION ALL SELECT e, base, base_label FROM field
        UNION ALL SELECT e, base.version, base.label FROM (SELECT e, unnest(bases) AS base FROM event)
    ) AS named JOIN event AS e ON e.e = named.e SEMI JOIN clock_ordered AS c ON c.o = e.o
    WHERE named.version IS NOT NULL OR named.label IS NOT NULL
) AS base
ANTI JOIN event AS e
    ON e.o = base.o AND coalesce(e.version, 0) = base.version AND coalesce(e.label, '') = base.label
    AND (base.p = -1 OR e.p = base.p) AND (e.version IS NOT NULL OR e.label IS NOT NULL);
DROP TABLE clock_ordered;
