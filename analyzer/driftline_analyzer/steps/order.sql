-- Step 2, order: what the names stand for, how units ended, and where versions lie (docs/model.md).
--
--   object  o, object, type                       branch  b, branch, name, phase, parent, began, started, ended, ...
--   path    f, path (f = 0 stands for the whole object)
--   unit    u, unit, name, b, parent, began, ended, outcome, effective, open_unit, outermost, voided
--   task    t, task, name, b, signature, began, ended, status
--   event   e, ..., b, u, t, o                    field   e, f, ...
--   mention o, p, version, label, pos             only for objects whose versions the clock orders
--
-- A branch *began* at its first event, whichever that was; it *started* and *ended* where that was recorded, with a status
-- and a reason.

CREATE TABLE object AS
SELECT e.o, n.name AS object, k.name AS type
FROM (SELECT o, max_by(type, e) AS type FROM event WHERE o IS NOT NULL GROUP BY o) AS e
JOIN object_name AS n ON n.number = e.o
LEFT JOIN type_name AS k ON k.number = e.type;
DROP TABLE object_name;
DROP TABLE type_name;
ALTER TABLE event DROP COLUMN type;

CREATE TABLE branch AS
WITH bound AS (
    SELECT b,
        any_value(name) FILTER (op = 'branch-start') AS name,
        any_value(phase) FILTER (op = 'branch-start') AS phase,
        any_value(parent) FILTER (op = 'branch-start') AS parent,
        min(e) FILTER (op = 'branch-start') AS started,
        max(e) FILTER (op = 'branch-end') AS ended,
        max_by(status, e) FILTER (op = 'branch-end') AS status,
        max_by(reason, e) FILTER (op = 'branch-end') AS reason
    FROM event WHERE op IN ('branch-start', 'branch-end') GROUP BY b
)
SELECT e.b, n.name AS branch, coalesce(x.name, regexp_replace(n.name, '#[^#]*$', '')) AS name, x.phase, up.number AS parent,
    e.began, x.started, x.ended, x.status, x.reason
FROM (SELECT b, min(e) AS began FROM event GROUP BY b) AS e
JOIN branch_name AS n ON n.number = e.b
LEFT JOIN bound AS x ON x.b = e.b
LEFT JOIN (FROM branch_name WHERE number IN (SELECT b FROM event)) AS up ON up.name = x.parent;
DROP TABLE branch_name;

CREATE TABLE path AS
SELECT 0 AS f, '' AS path, true AS whole
UNION ALL
SELECT number, name, false FROM path_name;
DROP TABLE path_name;

-- Units. Outcomes are coded 0 committed, 1 unknown, 2 aborted, so that the worst around a unit is the greatest. A chain
-- of parents longer than 64, or circular, is followed no further. A unit of which only the name was recorded, as that of a
-- parent, is one of unknown outcome.
INSERT INTO unit_name
SELECT (SELECT max(number) FROM unit_name) + row_number() OVER (ORDER BY parent), parent
FROM (SELECT DISTINCT parent FROM event WHERE op = 'unit-begin' AND parent IS NOT NULL) AS around
ANTI JOIN unit_name AS n ON n.name = around.parent;

CREATE TABLE unit AS
WITH RECURSIVE named AS (
    SELECT n.number AS u, any_value(n.name) AS unit,
        any_value(e.name) FILTER (op = 'unit-begin') AS name,
        any_value(b) FILTER (op = 'unit-begin') AS b,
        any_value(parent) FILTER (op = 'unit-begin') AS parent,
        min(e) FILTER (op = 'unit-begin') AS began,
        max(e) FILTER (op IN ('unit-commit', 'unit-abort')) AS ended,
        CASE WHEN bool_or(op = 'unit-abort') THEN 2 WHEN bool_or(op = 'unit-commit') THEN 0 ELSE 1 END AS outcome
    FROM unit_name AS n LEFT JOIN event AS e ON e.u = n.number GROUP BY n.number
),
enclosing AS (
    SELECT n.u, n.u AS around, n.parent, n.outcome, n.ended, 0 AS height FROM named AS n
    UNION ALL
    SELECT inner_.u, outer_.u, outer_.parent, outer_.outcome, outer_.ended, inner_.height + 1
    FROM enclosing AS inner_ JOIN named AS outer_ ON outer_.unit = inner_.parent
    WHERE inner_.height < 64
),
worst AS (
    SELECT u, max(outcome) AS effective, max_by(around, height) FILTER (outcome <> 0) AS open_unit,
        max_by(around, height) AS outermost, min(ended) FILTER (outcome = 2) AS voided
    FROM enclosing GROUP BY u
)
SELECT n.u, n.unit, coalesce(n.name, regexp_replace(n.unit, '#[^#]*$', '')) AS name, n.b, up.u AS parent, n.began, n.ended,
    n.outcome, worst.effective, worst.open_unit, worst.outermost, worst.voided
FROM named AS n JOIN worst ON worst.u = n.u
LEFT JOIN named AS up ON up.unit = n.parent;
DROP TABLE unit_name;

CREATE TABLE task AS
SELECT e.t, any_value(n.name) AS task,
    coalesce(any_value(e.name) FILTER (op = 'task-start'), any_value(n.name)) AS name,
    any_value(b) FILTER (op = 'task-start') AS b,
    any_value(signature) FILTER (op = 'task-start') AS signature,
    min(e) AS began,
    max(e) FILTER (op = 'task-end') AS ended,
    max_by(status, e) FILTER (op = 'task-end') AS status
FROM event AS e JOIN task_name AS n ON n.number = e.t GROUP BY e.t;
DROP TABLE task_name;

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
