-- Step 3, versions: one row a write, in the order of its object, with the position that it made and the one it was based on.
--
--   write  e, p, o, b, u, outermost, op, v, pos, is_full, void, declared, base_pos, base, full_no, confidence, fidelity
--          outermost the unit around all units that it is in: two events with the same one are in one unit; null in none
--          v         the version by name, as a number: the same for every event of the object that names it, order or not
--          base_pos  position of the object base: declared, newest of a merge's bases, or the branch's last whole sighting
--          base      that version as text
--          full_no   how many full writes of the object there are up to and with this one
-- In a trace without an order (`ordered` = false) positions are null, and what needs them finds nothing.

CREATE TEMP TABLE merge_base AS
SELECT e, max(pos) AS base_pos, max_by(text, pos) AS base
FROM (
    SELECT x.e, coalesce(m.pos, CASE WHEN x.base.label IS NULL THEN x.base.version ELSE -1 END) AS pos,
        coalesce(x.base.label, x.base.version::VARCHAR) AS text
    FROM (SELECT e, o, p, unnest(bases) AS base FROM event WHERE op = 'merge') AS x
    LEFT JOIN mention AS m
        ON m.o = x.o AND m.p = (CASE WHEN x.base.label IS NULL THEN x.p ELSE -1 END)
        AND m.version = coalesce(x.base.version, 0) AND m.label = coalesce(x.base.label, '')
)
GROUP BY e;

CREATE TABLE write AS
WITH placed AS (
    SELECT e.e, e.p, e.o, e.b, e.u, u.outermost, e.op, coalesce(m.pos, e.version, e.e) AS v,
        CASE WHEN getvariable('ordered') THEN coalesce(m.pos, e.version, e.e) END AS pos,
        e.op <> 'patch' AS is_full,
        coalesce(u.effective = 2, false) AS void,
        e.base_inferred IS NOT TRUE AND (e.base IS NOT NULL OR e.base_label IS NOT NULL OR mb.e IS NOT NULL) AS declared,
        CASE WHEN getvariable('ordered')
            THEN coalesce(mb.base_pos, bm.pos, CASE WHEN e.base_label IS NULL THEN e.base ELSE -1 END) END AS base_pos,
        coalesce(mb.base, e.base_label, e.base::VARCHAR) AS base,
        e.confidence, e.fidelity
    FROM event AS e
    LEFT JOIN unit AS u ON u.u = e.u
    LEFT JOIN merge_base AS mb ON mb.e = e.e
    LEFT JOIN mention AS m
        ON m.o = e.o AND m.p = (CASE WHEN e.label IS NULL THEN e.p ELSE -1 END)
        AND m.version = coalesce(e.version, 0) AND m.label = coalesce(e.label, '')
    LEFT JOIN mention AS bm
        ON bm.o = e.o AND bm.p = (CASE WHEN e.base_label IS NULL THEN e.p ELSE -1 END)
        AND bm.version = coalesce(e.base, 0) AND bm.label = coalesce(e.base_label, '')
        AND (e.base IS NOT NULL OR e.base_label IS NOT NULL)
    WHERE e.op IN ('write', 'patch', 'merge', 'delete') AND e.o IS NOT NULL
)
-- A sum, since DuckDB computes a filtered count in a window in quadratic time.
SELECT *, sum((is_full AND NOT void)::INTEGER) OVER (
    PARTITION BY o ORDER BY pos, e ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)::BIGINT AS full_no
FROM placed;
DROP TABLE merge_base;
