-- What `kpi-stream adopt` writes for a table of somebody's own, and what it asks first. {words} are
-- replaced before it is shown. In the views a `name` is that of a column with values.

-- name: columns
SELECT
    a.attname::text AS name, format_type(a.atttypid, NULL) AS type,
    a.attrelid::regclass::text AS table_name
FROM pg_attribute AS a
WHERE a.attrelid = to_regclass(:table::text) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;

-- name: tables
-- What might be meant: tables and views of the user's own.
SELECT c.oid::regclass::text AS name
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND n.nspname NOT LIKE '\_timescaledb%' AND n.nspname NOT LIKE 'timescaledb\_%'
    AND c.relname NOT LIKE 'kpi\_%'
ORDER BY c.reltuples DESC, 1
LIMIT 20;

-- name: is_table$
SELECT relkind IN ('r', 'p') FROM pg_class WHERE oid = to_regclass(:table::text);

-- name: is_hypertable$
SELECT EXISTS (
    SELECT FROM timescaledb_information.hypertables
    WHERE to_regclass(format('%I.%I', hypertable_schema, hypertable_name))
        = to_regclass(:table::text)
);

-- name: views_of$
-- Whose the three views are: nothing without any, `adopted`, or `others`.
SELECT CASE
    WHEN count(*) = 0 THEN NULL
    WHEN bool_and(obj_description(oid, 'pg_class') LIKE 'kpi-stream adopt%') THEN 'adopted'
    ELSE 'others'
END
FROM pg_class
WHERE oid IN (
    to_regclass('kpi_values_minute'), to_regclass('kpi_values_hour'), to_regclass('kpi_values_day')
);

-- name: sample
SELECT {time} AS at, {code} AS code
FROM {table} AS t
CROSS JOIN LATERAL (VALUES {values}) AS v (name, value)
CROSS JOIN LATERAL (SELECT {raw_code} AS code) AS raw
WHERE v.value IS NOT NULL
LIMIT 1000;

-- name: drop_views#
DROP VIEW IF EXISTS kpi_values_day, kpi_values_hour, kpi_values_minute;

-- name: plain_rows#
CREATE OR REPLACE VIEW kpi_adopted AS
SELECT {time} AS "timestamp", {code} AS kpi_code, v.value
FROM {table} AS t
CROSS JOIN LATERAL (VALUES {values}) AS v (name, value)
CROSS JOIN LATERAL (SELECT {raw_code} AS code) AS raw
WHERE {time} IS NOT NULL AND v.value BETWEEN -1e290 AND 1e290;

-- name: plain_view#
CREATE VIEW kpi_values_{period} AS
SELECT
    {bucket_of_row} AS bucket,
    kpi_code,
    (sum(value::text::numeric) / count(*))::double precision AS avg_value,
    count(*) AS data_points,
    min(value) AS min_value,
    max(value) AS max_value,
    sum(value::text::numeric) AS sum_value,
    (max(ARRAY[extract(epoch FROM "timestamp")::double precision, value]))[2] AS last_value
FROM kpi_adopted
GROUP BY 1, 2;
COMMENT ON VIEW kpi_values_{period} IS 'kpi-stream adopt';

-- name: plain_index#
CREATE INDEX IF NOT EXISTS {index} ON {table} (({bucket}));

-- name: continuous_minute#
CREATE MATERIALIZED VIEW IF NOT EXISTS kpi_adopted_{number}_minute
WITH (timescaledb.continuous, timescaledb.materialized_only = false)
AS
SELECT
    time_bucket(INTERVAL '1 minute', {time}) AS bucket,
    {code} AS kpi_code,
    (sum({value}::text::numeric) / count(*))::double precision AS avg_value,
    count(*) AS data_points,
    min({value}) AS min_value,
    max({value}) AS max_value,
    sum({value}::text::numeric) AS sum_value,
    (max(ARRAY[extract(epoch FROM {time})::double precision, {value}]))[2] AS last_value
FROM {table} AS t
WHERE {value} BETWEEN -1e290 AND 1e290
GROUP BY 1, 2
WITH NO DATA;

-- name: continuous_coarse#
CREATE MATERIALIZED VIEW IF NOT EXISTS kpi_adopted_{number}_{period}
WITH (timescaledb.continuous, timescaledb.materialized_only = false)
AS
SELECT
    time_bucket({bucket_arguments}) AS bucket,
    kpi_code,
    (sum(sum_value) / sum(data_points))::double precision AS avg_value,
    sum(data_points)::bigint AS data_points,
    min(min_value) AS min_value,
    max(max_value) AS max_value,
    sum(sum_value) AS sum_value,
    (max(ARRAY[extract(epoch FROM bucket)::double precision, last_value]))[2] AS last_value
FROM kpi_adopted_{number}_minute
GROUP BY 1, 2
WITH NO DATA;

-- name: continuous_policy#
SELECT add_continuous_aggregate_policy('kpi_adopted_{number}_{period}',
    start_offset => NULL, end_offset => INTERVAL '1 minute',
    schedule_interval => INTERVAL '1 minute', initial_start => date_trunc('minute', now()),
    if_not_exists => true);

-- name: continuous_view#
CREATE VIEW kpi_values_{period} AS
{all};
COMMENT ON VIEW kpi_values_{period} IS 'kpi-stream adopt';

-- name: continuous_part#
SELECT * FROM kpi_adopted_{number}_{period}

-- name: refresh!
CALL refresh_continuous_aggregate(
    'kpi_adopted_{number}_{period}', NULL, date_trunc('{period}', now(), '{zone}')
);

-- name: a_day$
-- How many buckets a day of minutes has, to see what adding it up costs.
SELECT count(*) FROM kpi_values_minute
WHERE bucket >= :first AND bucket < :first + INTERVAL '1 day' AND avg_value IS NOT NULL;

-- name: newest$
SELECT max({time}) FROM {table} AS t;
