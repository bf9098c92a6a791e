-- Replay, ends: what ends of branches, tasks and units the discipline is told, in clock order.
--
--   r (place), what ('branch', 'task' or 'unit'), name (id of the branch or unit), signature, badly (failed, or aborted)

SELECT q.r, 'branch' AS what, b.branch AS name, NULL::UBIGINT AS signature, coalesce(e.status = 'failed', false) AS badly
FROM event AS e JOIN branch AS b ON b.b = e.b JOIN place AS q ON q.e = e.e
WHERE e.op = 'branch-end' AND e.e <= getvariable('until')
UNION ALL
SELECT q.r, 'task', b.branch, t.signature, false
FROM event AS e JOIN branch AS b ON b.b = e.b JOIN task AS t ON t.t = e.t JOIN place AS q ON q.e = e.e
WHERE e.op = 'task-end' AND e.status = 'ok' AND t.signature IS NOT NULL AND e.e <= getvariable('until')
UNION ALL
SELECT c.e, 'unit', u.unit, NULL, c.aborted
FROM concluded AS c JOIN unit AS u ON u.u = c.u
ORDER BY 1, 2, 3
