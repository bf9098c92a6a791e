-- Step inversions: where a less certain value was put over a more certain one.
--
--   inversion  e, o, f, s, b, lost   a write's field, the write that had set what stood there, and its branch; `lost`
--                                    where the field is one that the write loses, so that the rule of that loss speaks

CREATE TABLE inversion AS
WITH doubted AS (
    SELECT x.e, x.o, x.f, x.standing_e AS s, x.standing_b AS b
    FROM setting AS x
    JOIN write AS w ON w.e = x.e AND w.confidence IS NOT NULL AND w.op IN ('write', 'patch')
    JOIN write AS stood ON stood.e = x.standing_e AND stood.confidence > w.confidence
    WHERE x.changed AND x.digest IS NOT NULL AND x.standing IS NOT NULL AND x.standing_b <> x.b
)
SELECT d.*, l.e IS NOT NULL AS lost
FROM doubted AS d LEFT JOIN loss AS l ON l.e = d.e AND l.f = d.f AND l.kind <> 'blind';
