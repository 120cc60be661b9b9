SELECT
    kpi_code::text COLLATE "C" AS kpi_code,
    extract(epoch FROM bucket)::bigint AS start,
    avg_value::double precision AS value,
    {points} AS points,
    {minimum} AS minimum,
    {maximum} AS maximum,
    hash_record_extended(
        ROW(avg_value::double precision, {points}, {minimum}, {maximum}), 0
    ) AS digest
FROM kpi_values_{period}
