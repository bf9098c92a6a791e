-- code: DRF603
-- severity: error
-- standard: error propagation along a lineage cycle (compare cascading aborts, Bernstein, Hadzilacos and Goodman 1987)
-- message: {branch} read {fields} of {object} after {others} had got it wrong, and wrote a value built on it back
-- fix: Mend the write by {others} that the evidence names first, then derive {fields} of {object} anew from the version before it.
-- fix: Until then let the gate hold {object} back: version {version} looks sound, since {branch} did nothing wrong.
-- reads: findings
--
-- ## What it finds
-- A field was got wrong: by a finding of DRF101 to DRF106, DRF201 or DRF202. Another branch read the wrong value
-- before anybody set the field again, and then changed the field, having seen no newer value of it: it built upon
-- the drift and put it back. The first such write for each write that got a field wrong.
--
-- ## Why it matters
-- The drift is now part of a fresh value with a good history: it was read, worked on and written by a branch that
-- did nothing wrong. Mending the first write no longer mends the object, and every further round carries it on.
--
-- ## Example
-- A late summary replaces the nine facts of `context/42` by three. An enricher reads the three, adds one, and writes
-- four.
--
-- ## Fix
-- Mend the origin, which the evidence names first, and derive the value anew from the version before it; or gate
-- promotion on open findings, so that nobody builds on a version that has one.
--
-- ## Known limits
-- Only a value that comes back to its own field is found; where else it went is the origin's blast radius. A second
-- round upon the same origin is not found again.

WITH origin AS (
    SELECT DISTINCT s.e, s.o, s.f, s.b, s.pos, s.until
    FROM (
        SELECT e, unnest(fields) AS path FROM detected
        WHERE NOT gives_way
            AND code IN ('DRF101', 'DRF102', 'DRF103', 'DRF104', 'DRF105', 'DRF106', 'DRF201', 'DRF202')
    ) AS d
    JOIN path AS p ON p.path = d.path AND NOT p.whole
    JOIN setting AS s ON s.e = d.e AND s.f = p.f
    WHERE s.until IS NULL OR s.until > s.pos
),
-- Whoever changed the field from there.
built AS (
    SELECT s.e, s.o, s.f, s.b, s.pos, x.e AS origin, x.b AS origin_b, x.pos AS low, x.until AS high
    FROM (FROM setting SEMI JOIN origin USING (o, f) WHERE changed AND base_pos IS NOT NULL) AS s
    ASOF JOIN origin AS x ON x.o = s.o AND x.f = s.f AND s.base_pos >= x.pos
    WHERE (x.until IS NULL OR s.base_pos < x.until) AND s.b <> x.b
),
-- What its branch had read last, of the whole object or of the field alone.
seen_whole AS (
    SELECT s.e, s.f, r.e AS read_e, r.pos
    FROM built AS s ASOF JOIN (FROM read SEMI JOIN built USING (o, b) WHERE whole) AS r ON r.o = s.o AND r.b = s.b AND s.e > r.e
),
seen_alone AS (
    SELECT s.e, s.f, r.e AS read_e, r.pos
    FROM built AS s
    ASOF JOIN (
        SELECT r.e, r.o, r.b, x.f, r.pos
        FROM (FROM read SEMI JOIN built USING (o, b) WHERE NOT whole) AS r JOIN field AS x ON x.e = r.e
        SEMI JOIN built AS s ON s.o = r.o AND s.b = r.b AND s.f = x.f
    ) AS r ON r.o = s.o AND r.b = s.b AND r.f = s.f AND s.e > r.e
),
seen AS (
    SELECT e, f, max(read_e) AS read_e, max_by(pos, read_e) AS pos
    FROM (FROM seen_whole UNION ALL FROM seen_alone) GROUP BY e, f
),
first AS (
    SELECT b.origin, b.f, min_by({'e': b.e, 'origin_b': b.origin_b, 'read_e': s.read_e}, {'pos': b.pos, 'e': b.e}) AS built
    FROM built AS b JOIN seen AS s ON s.e = b.e AND s.f = b.f
    WHERE s.read_e > b.origin AND s.pos >= b.low AND (b.high IS NULL OR s.pos < b.high)
    GROUP BY b.origin, b.f
)
SELECT f.built.e AS e, list(DISTINCT p.path ORDER BY p.path) AS fields,
    list_sort(list(DISTINCT f.built.origin_b)) AS others,
    list_sort(list_distinct(flatten([list(f.origin), list(f.built.read_e)])))[:64] AS against,
    NULL::VARCHAR AS base, CASE WHEN any_value(w.declared) THEN 'recorded' ELSE 'inferred' END AS basis
FROM first AS f JOIN path AS p ON p.f = f.f JOIN write AS w ON w.e = f.built.e
GROUP BY f.built.e
