WITH clock AS (
    SELECT now() AS now, {until} AS until
)
SELECT
    NULL::text COLLATE "C" AS kpi_code,
    extract(epoch FROM clock.until)::bigint AS start,
    extract(epoch FROM clock.now)::double precision AS value,
    NULL::bigint AS points,
    NULL::double precision AS minimum,
    NULL::double precision AS maximum,
    NULL::bigint AS digest
FROM clock
