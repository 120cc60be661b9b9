-- Rows that are KPIs' own, and rows that are computed from those of others. The start is the seed of
-- a row's digest. As a column it would be of no use: a row's hash is a sum over its columns, so where
-- contents change places the sum over all rows would stay the same. The code is in it because the
-- hash of zero is the seed itself.
SELECT
    *,
    hash_record_extended(ROW(kpi_code, value, points, minimum, maximum), start) AS digest
FROM (
    SELECT
        held.kpi_code,
        held.start,
        CASE asked.aggregate
            WHEN 'avg' THEN held.average
            WHEN 'sum' THEN held.total::double precision
            WHEN 'min' THEN held.minimum
            WHEN 'max' THEN held.maximum
            WHEN 'count' THEN held.points::double precision
            WHEN 'last' THEN held.last
        END AS value,
        held.points,
        held.minimum,
        held.maximum
    FROM ({buckets}) AS held
    JOIN unnest(:codes::text[], :aggregates::text[], :firsts::bigint[])
        AS asked (code, aggregate, first)
        ON asked.code = held.kpi_code AND held.start >= asked.first
    WHERE held.kpi_code = ANY (:codes::text[])
    UNION ALL
    ({formulas})
) AS valued
