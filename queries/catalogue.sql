-- The KPIs there are.

-- name: has_catalogue$
SELECT to_regclass('kpi_catalog') IS NOT NULL;

-- name: described
SELECT to_jsonb(c) AS entry FROM kpi_catalog AS c ORDER BY code;

-- name: codes
-- The day's view has them all, but on materialized-only aggregates not those of today.
SELECT kpi_code FROM kpi_values_day
UNION
SELECT kpi_code FROM kpi_values_minute WHERE bucket > now() - INTERVAL '2 hours'
ORDER BY kpi_code;

-- name: clock$
SELECT extract(epoch FROM now())::double precision;
