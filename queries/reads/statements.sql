-- What is read of KPIs, each by its own aggregate or formula. {values} and {until} are files beside
-- this one, which stands for the others: {buckets} is stored.sql or derived.sql, {view} the view.
--
-- Every read takes the buckets from `first` on, or the last `depth` complete ones, to before `until`,
-- or to what is complete by the database's clock, or `ahead` periods further.

-- The first row of an answer has no kpi_code and says which definitions hold, that is, aggregates and
-- formulas: where those are not the ones that were asked with, it is asked again.

-- name: read
-- The first row's value is the clock in seconds, its start the first bucket that is not complete yet.
WITH clock AS (
    SELECT now() AS now, {until} AS until
)
SELECT
    {definitions} AS definitions,
    NULL::text COLLATE "C" AS kpi_code,
    extract(epoch FROM clock.until)::bigint AS start,
    extract(epoch FROM clock.now)::double precision AS value,
    NULL::bigint AS points,
    NULL::double precision AS minimum,
    NULL::double precision AS maximum,
    NULL::bigint AS digest
FROM clock
UNION ALL
SELECT NULL, kpi_code COLLATE "C", start, value, points, minimum, maximum, digest
FROM ({values}) AS said
ORDER BY kpi_code NULLS FIRST, start;

-- name: differing
-- All buckets of the codes whose digests sum up otherwise; nothing else leaves the database. The sums
-- come as one text: written as an array of numerics, ten thousand of them held up the sender for a
-- quarter of a tick. What has changed is read a second time: to keep all of it until it is known
-- whether it has would take a temporary file.
WITH asked AS (
    SELECT *
    FROM unnest(:compared::text[], string_to_array(:digests::text, ' ')::numeric[])
        AS a (code, digest)
), changed AS MATERIALIZED (
    SELECT asked.code
    FROM asked
    LEFT JOIN (
        SELECT kpi_code, sum(digest) AS digest FROM ({values}) AS said GROUP BY kpi_code
    ) AS sums ON sums.kpi_code = asked.code
    WHERE coalesce(sums.digest, 0) <> asked.digest
)
SELECT
    {definitions} AS definitions,
    NULL::text COLLATE "C" AS kpi_code,
    NULL::bigint AS start,
    NULL::double precision AS value,
    NULL::bigint AS points,
    NULL::double precision AS minimum,
    NULL::double precision AS maximum,
    NULL::bigint AS digest
UNION ALL
(
    SELECT NULL, changed.code COLLATE "C", start, value, points, minimum, maximum, digest
    FROM changed
    LEFT JOIN (
        SELECT * FROM ({values}) AS said
        WHERE EXISTS (SELECT FROM changed)
            AND said.kpi_code = ANY (ARRAY(SELECT code FROM changed))
    ) AS held ON held.kpi_code = changed.code
)
ORDER BY kpi_code NULLS FIRST, start;
