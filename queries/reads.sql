-- What is read from the aggregates; {period} is a period and {width} its name in date_trunc's
-- words. {points}, {minimum} and {maximum} are NULL where the views do not have them. now() is
-- the database's clock, which alone says what is complete.

-- name: new_buckets
WITH clock AS (
    SELECT now() AS now, date_trunc('{period}', now() - :grace::interval, :zone::text) AS until
)
SELECT
    extract(epoch FROM clock.now)::double precision AS now,
    extract(epoch FROM clock.until)::bigint AS until,
    v.kpi_code, v.start, v.value, v.points, v.minimum, v.maximum, v.digest
FROM clock
LEFT JOIN LATERAL (
    {columns}
    WHERE bucket > to_timestamp(:after::bigint) AND bucket < clock.until
        AND kpi_code = ANY (:codes::text[])
) AS v ON true
ORDER BY v.kpi_code, v.start;

-- name: window
WITH clock AS (
    SELECT now() AS now, date_trunc('{period}', now() - :grace::interval, :zone::text) AS until
)
SELECT
    extract(epoch FROM clock.now)::double precision AS now,
    extract(epoch FROM clock.until)::bigint AS until,
    v.kpi_code, v.start, v.value, v.points, v.minimum, v.maximum, v.digest
FROM clock
LEFT JOIN LATERAL (
    {columns}
    WHERE bucket >= ((clock.until AT TIME ZONE :zone::text)
            - :depth::integer * INTERVAL '1 {period}') AT TIME ZONE :zone::text
        AND bucket < clock.until
        AND kpi_code = ANY (:codes::text[])
) AS v ON true
ORDER BY v.kpi_code, v.start;

-- name: since
WITH clock AS (
    SELECT now() AS now, date_trunc('{period}', now() - :grace::interval, :zone::text) AS until
)
SELECT
    extract(epoch FROM clock.now)::double precision AS now,
    extract(epoch FROM clock.until)::bigint AS until,
    v.kpi_code, v.start, v.value, v.points, v.minimum, v.maximum, v.digest
FROM clock
LEFT JOIN LATERAL (
    SELECT held.*
    FROM unnest(:codes::text[], :firsts::bigint[]) AS asked (code, first)
    CROSS JOIN LATERAL (
        {columns}
        WHERE kpi_code = asked.code AND bucket >= to_timestamp(asked.first)
            AND bucket < clock.until
    ) AS held
) AS v ON true
ORDER BY v.kpi_code, v.start;

-- name: differing
WITH asked AS (
    SELECT * FROM unnest(:codes::text[], :digests::numeric[]) AS a (kpi_code, digest)
), held AS MATERIALIZED (
    {columns}
    WHERE bucket >= to_timestamp(:first::bigint) AND bucket < to_timestamp(:until::bigint)
        AND kpi_code = ANY (:codes::text[])
), sums AS (
    SELECT kpi_code, sum(digest) AS digest FROM held GROUP BY kpi_code
)
SELECT
    asked.kpi_code, held.start, held.value, held.points, held.minimum, held.maximum, held.digest
FROM asked
LEFT JOIN sums ON sums.kpi_code = asked.kpi_code
LEFT JOIN held ON held.kpi_code = asked.kpi_code
WHERE coalesce(sums.digest, 0) <> asked.digest
ORDER BY asked.kpi_code, held.start;

-- name: columns$
SELECT array_agg(attname::text) FROM pg_attribute
WHERE attrelid = to_regclass('kpi_values_{period}') AND attnum > 0 AND NOT attisdropped;
