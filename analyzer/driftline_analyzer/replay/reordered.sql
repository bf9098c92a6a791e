-- Replay, reordered: the tables of versions, by the places that a topological order gave to the writes.
--
--   place    e, r   (made before) the place of every event
--   write, mention, read   as in `steps/`, with positions that are places

CREATE TABLE named AS  -- every name of a version that some event made or saw, as a number, and the place of its first write
SELECT w.o, w.v, min(p.r) AS pos FROM write AS w JOIN place AS p ON p.e = w.e GROUP BY w.o, w.v;

CREATE TABLE write_here AS
WITH merged AS (
    SELECT x.e, max(coalesce(n.pos, -1)) AS base_pos, arg_max(x.text, coalesce(n.pos, -1)) AS base
    FROM (
        SELECT y.e, y.o, coalesce(m.pos, y.base.version, -1) AS v, coalesce(y.base.label, y.base.version::VARCHAR) AS text
        FROM (SELECT e, o, p, unnest(bases) AS base FROM event WHERE op = 'merge') AS y
        LEFT JOIN mention AS m ON m.o = y.o AND m.p = (CASE WHEN y.base.label IS NULL THEN y.p ELSE -1 END)
            AND m.version = coalesce(y.base.version, 0) AND m.label = coalesce(y.base.label, '')
    ) AS x LEFT JOIN named AS n ON n.o = x.o AND n.v = x.v GROUP BY x.e
),
placed AS (
    SELECT w.* EXCLUDE (pos, base_pos, base, full_no), p.r AS pos,
        CASE WHEN mg.e IS NOT NULL THEN mg.base_pos
            WHEN x.base IS NOT NULL OR x.base_label IS NOT NULL THEN coalesce(n.pos, -1) END AS base_pos,
        CASE WHEN mg.e IS NOT NULL THEN mg.base ELSE w.base END AS base
    FROM write AS w
    JOIN place AS p ON p.e = w.e
    JOIN event AS x ON x.e = w.e
    LEFT JOIN merged AS mg ON mg.e = w.e
    LEFT JOIN mention AS m ON m.o = w.o AND m.p = (CASE WHEN x.base_label IS NULL THEN w.p ELSE -1 END)
        AND m.version = coalesce(x.base, 0) AND m.label = coalesce(x.base_label, '')
    LEFT JOIN named AS n ON n.o = w.o AND n.v = coalesce(m.pos, x.base)
)
SELECT *, sum((is_full AND NOT void)::INTEGER) OVER (
    PARTITION BY o ORDER BY pos, e ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)::BIGINT AS full_no
FROM placed;

-- A number or label as a base names the place of its first write; a number by process, as everywhere.
CREATE TABLE mention_here AS
SELECT e.o, CASE WHEN e.label IS NULL THEN e.p ELSE -1 END AS p, coalesce(e.version, 0) AS version, coalesce(e.label, '') AS label,
    min(w.pos) AS pos
FROM write_here AS w JOIN event AS e ON e.e = w.e GROUP BY ALL;
INSERT INTO mention_here  -- numbers that a store gave mean the same to every process
SELECT w.o, r.p, e.version, '', min(w.pos)
FROM write_here AS w JOIN event AS e ON e.e = w.e CROSS JOIN process AS r
WHERE e.version IS NOT NULL AND w.o NOT IN (SELECT o FROM mention)
    AND NOT EXISTS (SELECT 1 FROM mention_here AS h WHERE h.o = w.o AND h.p = r.p AND h.version = e.version AND h.label = '')
GROUP BY ALL;
INSERT INTO mention_here  -- what was never written lies before everything
SELECT DISTINCT m.o, m.p, m.version, m.label, -1
FROM (
    SELECT o, CASE WHEN label IS NULL THEN p ELSE -1 END AS p, coalesce(version, 0) AS version, coalesce(label, '') AS label
    FROM (
        SELECT o, p, version, label FROM event
        UNION ALL SELECT o, p, base, base_label FROM event
        UNION ALL SELECT e.o, e.p, f.base, f.base_label FROM field AS f JOIN event AS e ON e.e = f.e
        UNION ALL SELECT o, p, base.version, base.label FROM (SELECT o, p, unnest(bases) AS base FROM event)
        UNION ALL SELECT x.o, i.p, i.used.version, i.used.label
            FROM (SELECT p, unnest(inputs) AS used FROM event) AS i JOIN object AS x ON x.object = i.used.object
    ) WHERE o IS NOT NULL AND (version IS NOT NULL OR label IS NOT NULL)
) AS m
ANTI JOIN mention_here AS h ON h.o = m.o AND h.p = m.p AND h.version = m.version AND h.label = m.label;

ALTER TABLE write_here RENAME TO write;
ALTER TABLE mention_here RENAME TO mention;
DROP TABLE named;
