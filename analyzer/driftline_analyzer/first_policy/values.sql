-- Values of each field, the oldest 400 of them: type, pattern, value (JSON as recorded).

, listed AS (
    SELECT p.type, p.pattern, f.e, f.f
    FROM field AS f
    JOIN write AS w ON w.e = f.e AND NOT w.void
    JOIN object AS o ON o.o = w.o
    JOIN pattern AS p ON p.type = o.type AND p.f = f.f
    WHERE f.digest IS NOT NULL
),
oldest AS (
    SELECT type, pattern, unnest(min({'e': e, 'f': f}, 400)) AS one FROM listed GROUP BY type, pattern
)
SELECT DISTINCT x.type, x.pattern, f.value
FROM oldest AS x JOIN field AS f ON f.e = x.one.e AND f.f = x.one.f
WHERE f.value[:1] IN ('"', '[')
ORDER BY ALL
