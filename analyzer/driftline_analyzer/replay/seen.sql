-- Replay, seen: what the writer of each proposal to be decided had seen of each field that it sets or removes.
--
--   deciding  o                        (made before) the objects whose writes are decided here
--   seen      e, f, listed, known, version, source_e, digest
--             listed    the write lists the field; otherwise it is full, and the field stood at its base
--             known     whether its writer is known to have seen the field, or that it was absent
--             source_e  the event that recorded the value seen; null if it was absent
--
-- That is what stood at the base of the field, as it was recorded; or what the branch itself had proposed since, as it
-- proposed it: it knows that without having read it. Of what a live store refused a branch knows only within one unit.

CREATE TEMP TABLE asking AS
WITH own AS (FROM proposal SEMI JOIN deciding USING (o)),
listed AS (
    SELECT w.e, w.o, w.b, w.u, w.pos, f.f, true AS listed,
        CASE WHEN w.declared THEN w.base_pos
            ELSE coalesce(m.pos, CASE WHEN f.base_label IS NULL THEN f.base ELSE -1 END) END AS base_pos,
        CASE WHEN w.declared THEN w.base ELSE coalesce(f.base_label, f.base::VARCHAR) END AS base
    FROM field AS f
    JOIN own AS w ON w.e = f.e
    LEFT JOIN mention AS m
        ON m.o = w.o AND m.p = (CASE WHEN f.base_label IS NULL THEN w.p ELSE -1 END)
        AND m.version = coalesce(f.base, 0) AND m.label = coalesce(f.base_label, '')
        AND (f.base IS NOT NULL OR f.base_label IS NOT NULL)
),
ever AS (
    SELECT o, f FROM setting SEMI JOIN deciding USING (o)
    UNION SELECT w.o, x.f FROM undone AS x JOIN own AS w ON w.e = x.e
),
-- Only where a full write lists fewer fields than its object ever had can it leave one out.
sparse AS (
    SELECT w.e, w.o, w.b, w.u, w.pos, w.base_pos, w.base
    FROM own AS w
    JOIN (SELECT o, count(*) AS fields FROM ever GROUP BY o) AS had ON had.o = w.o
    LEFT JOIN (SELECT e, count(*) AS fields FROM listed GROUP BY e) AS has ON has.e = w.e
    WHERE w.is_full AND coalesce(has.fields, 0) < had.fields
)
SELECT e, o, b, u, pos, f, listed, base_pos, base FROM listed
UNION ALL
SELECT s.e, s.o, s.b, s.u, s.pos, c.f, false, s.base_pos, s.base
FROM sparse AS s JOIN ever AS c ON c.o = s.o
ANTI JOIN listed AS l ON l.e = s.e AND l.f = c.f;

-- What was set where. What a void write holds counts at its version alone.
CREATE TEMP TABLE stood AS
SELECT o, f, {'pos': pos, 'e': e} AS place, digest FROM setting SEMI JOIN deciding USING (o);

CREATE TEMP TABLE torn AS
SELECT w.o, x.f, w.pos, x.e, f.digest
FROM undone AS x JOIN write AS w ON w.e = x.e SEMI JOIN deciding AS d ON d.o = w.o
LEFT JOIN field AS f ON f.e = x.e AND f.f = x.f
ANTI JOIN (SELECT o, pos FROM write WHERE NOT void) AS good ON good.o = w.o AND good.pos = w.pos;

-- What each branch said: what landed of it, or was made part of what landed (u null), or waits with it in one unit.
CREATE TEMP TABLE said AS
SELECT s.o, s.f, s.b, NULL::INTEGER AS u, {'pos': s.pos, 'e': s.e} AS place, s.digest
FROM setting AS s JOIN proposal AS w ON w.e = s.e JOIN event AS x ON x.e = s.e SEMI JOIN deciding AS d ON d.o = s.o
WHERE x.strategy IS DISTINCT FROM 'driftline.release';  -- whoever releases a write has not written it

CREATE TEMP TABLE put_off AS
SELECT w.o, x.f, w.b, w.u, w.v, {'pos': w.pos, 'e': w.e} AS place, f.digest
FROM undone AS x
JOIN proposal AS w ON w.e = x.e AND w.asked
SEMI JOIN deciding AS d ON d.o = w.o
LEFT JOIN field AS f ON f.e = x.e AND f.f = x.f;

INSERT INTO said
SELECT o, f, b, u, place, digest FROM put_off WHERE u IS NOT NULL
UNION ALL
SELECT o, f, b, NULL, place, digest FROM put_off SEMI JOIN (FROM write WHERE NOT void) AS landed USING (o, v);

CREATE TABLE seen AS
WITH placed AS (  -- of the writes at its base it saw all, but none that came after itself
    SELECT *, {'pos': pos, 'e': e} AS place,
        CASE WHEN base_pos < pos THEN {'pos': base_pos, 'e': 1::BIGINT << 41} WHEN base_pos >= pos THEN {'pos': pos, 'e': e - 1}
            END AS upto
    FROM asking
),
looked AS (
    SELECT a.e, a.f, a.listed, a.base_pos, a.base,
        CASE WHEN t.e IS NOT NULL THEN t.e ELSE s.place.e END AS base_e,
        CASE WHEN t.e IS NOT NULL THEN t.digest ELSE s.digest END AS base_digest,
        mine.place AS mine, mine.digest AS mine_digest, ours.place AS ours, ours.digest AS ours_digest
    FROM placed AS a
    ASOF LEFT JOIN stood AS s ON s.o = a.o AND s.f = a.f AND a.upto >= s.place
    ASOF LEFT JOIN torn AS t ON t.o = a.o AND t.f = a.f AND t.pos = a.base_pos AND a.e > t.e
    ASOF LEFT JOIN (FROM said WHERE u IS NULL) AS mine
        ON mine.o = a.o AND mine.f = a.f AND mine.b = a.b AND a.place > mine.place
    ASOF LEFT JOIN (FROM said WHERE u IS NOT NULL) AS ours
        ON ours.o = a.o AND ours.f = a.f AND ours.b = a.b AND ours.u = a.u AND a.place > ours.place
),
own AS (
    SELECT * EXCLUDE (mine, ours), CASE WHEN mine IS NULL OR ours > mine THEN ours ELSE mine END AS later,
        CASE WHEN mine IS NULL OR ours > mine THEN ours_digest ELSE mine_digest END AS later_digest
    FROM looked
),
chosen AS (
    SELECT e, f, listed, base, later.pos IS NOT NULL AND (base_pos IS NULL OR later.pos > base_pos) AS is_own,
        is_own OR (base IS NOT NULL AND (base <> '0' OR base_e IS NOT NULL)) AS known,
        CASE WHEN is_own THEN later.e ELSE base_e END AS source_e,
        CASE WHEN is_own THEN later_digest ELSE base_digest END AS digest
    FROM own
)
SELECT c.e, c.f, c.listed, c.known,
    CASE WHEN c.is_own THEN coalesce(v.label, v.version::VARCHAR) ELSE c.base END AS version,
    CASE WHEN c.digest IS NOT NULL THEN c.source_e END AS source_e, c.digest
FROM chosen AS c LEFT JOIN event AS v ON c.is_own AND v.e = c.source_e
WHERE c.listed OR c.digest IS NOT NULL;

DROP TABLE asking;
DROP TABLE stood;
DROP TABLE torn;
DROP TABLE said;
DROP TABLE put_off;
