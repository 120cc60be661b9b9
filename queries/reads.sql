-- What is read from the aggregates; {period} is a period. now() is the database's clock, which
-- alone says what is complete: what starts before {until}. It is written out wherever it is
-- needed, so that the planner knows how few rows a range has.
--
-- The first row of an answer has no kpi_code: its value is the clock in seconds, its start the
-- first bucket that is not complete yet.

-- name: new_buckets
{answered}
UNION ALL
{columns}
WHERE bucket > to_timestamp(:after::bigint) AND bucket < {until}
    AND kpi_code = ANY (:codes::text[])
ORDER BY kpi_code NULLS FIRST, start;

-- name: window
-- Days are not all of one length: a day more than was asked for is read.
{answered}
UNION ALL
{columns}
WHERE bucket >= {until} - (:depth::integer + {spare}) * INTERVAL '1 {period}' AND bucket < {until}
    AND kpi_code = ANY (:codes::text[])
ORDER BY kpi_code NULLS FIRST, start;

-- name: since
-- earliest is the least of firsts. It and the codes are said once more for the view itself: joined
-- by each code's own first alone, all codes or all of the history would be read.
{answered}
UNION ALL
SELECT held.*
FROM unnest(:codes::text[], :firsts::bigint[]) AS asked (code, first)
JOIN (
    {columns}
    WHERE bucket >= to_timestamp(:earliest::bigint) AND bucket < {until}
        AND kpi_code = ANY (:codes::text[])
) AS held ON held.kpi_code = asked.code AND held.start >= asked.first
ORDER BY kpi_code NULLS FIRST, start;

-- name: differing
-- Only what differs leaves the database. The digests come as one text: written as an array of
-- numerics, ten thousand of them held up the sender for a quarter of a tick.
WITH asked AS (
    SELECT *
    FROM unnest(:codes::text[], string_to_array(:digests::text, ' ')::numeric[]) AS a (code, digest)
), sums AS (
    SELECT held.kpi_code AS code, sum(held.digest) AS digest
    FROM (
        {columns}
        WHERE bucket >= to_timestamp(:first::bigint) AND bucket < to_timestamp(:until::bigint)
            AND kpi_code = ANY (:codes::text[])
    ) AS held
    GROUP BY held.kpi_code
), changed AS MATERIALIZED (
    SELECT asked.code
    FROM asked LEFT JOIN sums USING (code)
    WHERE coalesce(sums.digest, 0) <> asked.digest
)
SELECT changed.code, held.start, held.value, held.points, held.minimum, held.maximum, held.digest
FROM changed
LEFT JOIN LATERAL (
    {columns}
    WHERE kpi_code = changed.code
        AND bucket >= to_timestamp(:first::bigint) AND bucket < to_timestamp(:until::bigint)
) AS held ON true
ORDER BY changed.code, held.start;

-- name: columns$
SELECT array_agg(attname::text) FROM pg_attribute
WHERE attrelid = to_regclass('kpi_values_{period}') AND attnum > 0 AND NOT attisdropped;
