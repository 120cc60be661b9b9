SELECT
    kpi_code::text COLLATE "C" AS kpi_code,
    extract(epoch FROM bucket)::bigint AS start,
    avg_value::double precision AS value,
    {points} AS points,
    {minimum} AS minimum,
    {maximum} AS maximum,
    -- The start is the seed. As a column it would be of no use: a row's hash is a sum over its
    -- columns, so where contents change places the sum over all rows would stay the same. The code
    -- is there because the hash of zero is the seed itself.
    hash_record_extended(
        ROW(kpi_code::text, avg_value::double precision, {points}, {minimum}, {maximum}),
        extract(epoch FROM bucket)::bigint
    ) AS digest
FROM kpi_values_{period}
