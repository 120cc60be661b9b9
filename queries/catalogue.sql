-- The KPIs there are.

-- name: has_catalogue$
-- And may be read: a role may have rights on the views alone.
SELECT coalesce(has_table_privilege(to_regclass('kpi_catalog'), 'SELECT'), false);

-- name: described
-- As JSON, because a catalogue of the user's own may lack columns.
SELECT to_jsonb(c) AS entry FROM kpi_catalog AS c ORDER BY code;

-- name: definitions
-- The KPIs that are not averages, or have a target. As text, whatever types the columns have.
SELECT d.code, d.aggregate, d.formula, d.direction, d.target, d.warning, d.decimals
FROM (
    SELECT
        'avg' AS aggregate, NULL::text AS formula, NULL::text AS direction,
        NULL::text AS target, NULL::text AS warning, NULL::text AS decimals
) AS absent
CROSS JOIN LATERAL (
    SELECT
        code::text, aggregate::text, formula::text, direction::text, target::text,
        warning::text, decimals::text
    FROM kpi_catalog
) AS d
WHERE d.aggregate <> 'avg' OR d.formula IS NOT NULL OR d.target IS NOT NULL;

-- name: columns$
SELECT array_agg(attname::text) FROM pg_attribute
WHERE attrelid = to_regclass(:view::text) AND attnum > 0 AND NOT attisdropped;

-- name: codes
-- Complete buckets alone, of which nothing is computed from raw rows to find out that it is there:
-- all days, the hours since, and the minutes since. The margins are for the grace and the longest
-- day.
SELECT kpi_code
FROM (
    SELECT kpi_code::text FROM kpi_values_day WHERE bucket < now() - INTERVAL '25 hours'
    UNION
    SELECT kpi_code::text FROM kpi_values_hour
    WHERE bucket > now() - INTERVAL '51 hours' AND bucket < now() - INTERVAL '61 minutes'
    UNION
    SELECT kpi_code::text FROM kpi_values_minute
    WHERE bucket > now() - INTERVAL '122 minutes' AND bucket < now() - INTERVAL '1 minute'
) AS found
-- Views of somebody else's may have codes that no URL can have, or none.
WHERE kpi_code ~ '^[A-Za-z0-9_.-]{1,64}$';

-- name: clock$
SELECT extract(epoch FROM now())::double precision;

-- name: has_timescale$
SELECT to_regclass('_timescaledb_catalog.continuous_agg') IS NOT NULL;
