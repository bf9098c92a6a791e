-- Replay, proposals: every recorded write as it was proposed, in the order in which the discipline decides.
--
--   place     e, r   (made before) the place of each event: its number, where the trace has an order
--   proposal  e, p, o, b, op, v, pos, is_full, void, declared, base_pos, base, asked, u, ended, turn, ordinal
--             asked    it lies in a unit `driftline.proposal`: a live store put it there, since it did not land as it was
--             u        the unit that it is decided with (`unit.u`): of its aborted ones the one that ended first; else the
--                      outermost that is unknown; else the outermost; null in none
--             ended    the place of the event that ends this unit; null if none does by `until`
--             aborted  whether it is aborted
--             turn     its place among all writes as they are told, from 1
--             ordinal  its place among all writes as they are decided, from 1
--             k        the event just at which it is told: its own, or a later version's that was recorded earlier
--             decided  the event at which it is decided
--   concluded e, u, aborted   the end of each such unit
--   first    o, e, ordinal, deleted   of each object the write decided first, and whether any write deletes it
--
-- What a live store made of a proposal is no proposal itself: of the writes of one version the one that was asked counts.
--
-- Writes are told in clock order, but those of one object in the order of its versions: one that was recorded late is
-- told just before the first that came after it. Without an order the places are those of `partial_order.py`.

CREATE TABLE proposal AS
WITH placed AS (
    SELECT w.e, w.p, w.o, w.b, w.op::VARCHAR AS op, w.v, w.pos, w.is_full, w.void, w.declared, w.base_pos, w.base,
        coalesce(own.name = 'driftline.proposal', false) AS asked,
        CASE WHEN asked THEN up.voided ELSE own.voided END AS voided,
        CASE WHEN asked THEN coalesce(up.open_unit, up.outermost) ELSE coalesce(own.open_unit, own.outermost) END AS around
    FROM write AS w
    LEFT JOIN unit AS own ON own.u = w.u
    LEFT JOIN unit AS up ON up.u = own.parent
    WHERE w.e <= getvariable('until')
),
timed AS (
    SELECT *, void AND NOT asked AS idle,
        CASE WHEN NOT getvariable('ordered') THEN pos WHEN void AND NOT asked THEN e ELSE min(e) OVER (
            PARTITION BY o, void AND NOT asked ORDER BY pos DESC, e DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) END AS k
    FROM placed
),
grouped AS (
    SELECT t.*, coalesce(ab.u, t.around) AS unit, q.r AS end_e
    FROM timed AS t
    LEFT JOIN event AS ab ON ab.e = t.voided
    LEFT JOIN unit AS w ON w.u = t.around
    LEFT JOIN place AS q
        ON q.e = (CASE WHEN t.voided IS NOT NULL THEN t.voided WHEN w.outcome = 0 THEN w.ended END)
        AND q.e <= getvariable('until')
),
-- A write that was recorded after the end of its committed unit is decided by itself.
joined AS (
    SELECT * EXCLUDE (unit, end_e), CASE WHEN voided IS NULL AND k > end_e THEN NULL ELSE unit END AS u,
        CASE WHEN voided IS NOT NULL OR k <= end_e THEN end_e END AS ended
    FROM grouped
),
-- What is never decided comes last, unit by unit.
dated AS (
    SELECT *, CASE WHEN u IS NULL THEN k WHEN ended IS NOT NULL THEN greatest(k, ended)
        ELSE 1::BIGINT << 40 END AS decided, min(k) OVER (PARTITION BY u) AS first_k
    FROM joined
)
SELECT e, p, o, b, op, v, pos, is_full, void, declared, base_pos, base, asked, u, ended, voided IS NOT NULL AS aborted,
    row_number() OVER (ORDER BY k, pos, e) AS turn,
    row_number() OVER (ORDER BY decided, CASE WHEN u IS NULL THEN k ELSE first_k END, k, pos, e) AS ordinal, k, decided
FROM dated
-- The store's own result, recorded after what it was made of.
ANTI JOIN (SELECT o, v, min(e) AS asked_e FROM placed WHERE asked GROUP BY o, v) AS a
    ON a.o = dated.o AND a.v = dated.v AND NOT dated.asked AND dated.e > a.asked_e;

CREATE TABLE concluded AS
SELECT ended AS e, u, any_value(aborted) AS aborted FROM proposal WHERE ended IS NOT NULL GROUP BY ended, u;

CREATE TABLE first AS
SELECT o, arg_min(e, ordinal) AS e, min(ordinal) AS ordinal, bool_or(op = 'delete') AS deleted FROM proposal GROUP BY o;
