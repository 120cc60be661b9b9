-- TimescaleDB's side of the schema: a hypertable, three continuous aggregates and their policies.
-- Each statement may run again; none runs in a transaction of the caller's.

-- name: timescale_release^
-- Nothing without the extension; license is `timescale` where continuous aggregates are allowed.
SELECT extversion AS version, current_setting('timescaledb.license', true) AS license
FROM pg_extension
WHERE extname = 'timescaledb';

-- name: continuous_aggregates
-- The three views as they are; definition is what was written, without the real-time branch.
SELECT
    v.view_name,
    v.view_definition AS definition,
    v.materialized_only,
    c.mat_hypertable_id
FROM timescaledb_information.continuous_aggregates AS v
JOIN _timescaledb_catalog.continuous_agg AS c
    ON c.user_view_schema = v.view_schema AND c.user_view_name = v.view_name
WHERE v.view_name IN ('kpi_values_minute', 'kpi_values_hour', 'kpi_values_day')
    AND v.view_schema = (
        SELECT relnamespace::regnamespace::text FROM pg_class
        WHERE oid = to_regclass(v.view_name)
    );

-- name: create_hypertable$
SELECT hypertable_id
FROM create_hypertable(
    'kpi_raw_data', by_range('timestamp', INTERVAL '1 day'),
    create_default_indexes => false, if_not_exists => true, migrate_data => true
);

-- name: create_minute_aggregate!
-- The sum is exact and does not depend on the order of the rows: the shortest decimal of each
-- double, added as numeric. A float sum would change in its last digit from one refresh to the
-- next, and look like a correction.
CREATE MATERIALIZED VIEW IF NOT EXISTS kpi_values_minute
WITH (timescaledb.continuous, timescaledb.materialized_only = false)
AS
SELECT
    time_bucket(INTERVAL '1 minute', "timestamp") AS bucket,
    kpi_code,
    (sum(value::text::numeric) / count(*))::double precision AS avg_value,
    count(*) AS data_points,
    min(value) AS min_value,
    max(value) AS max_value,
    sum(value::text::numeric) AS sum_value
FROM kpi_raw_data
GROUP BY 1, 2
WITH NO DATA;

-- name: create_hour_aggregate!
CREATE MATERIALIZED VIEW IF NOT EXISTS kpi_values_hour
WITH (timescaledb.continuous, timescaledb.materialized_only = false)
AS
SELECT
    time_bucket(INTERVAL '1 hour', bucket) AS bucket,
    kpi_code,
    (sum(sum_value) / sum(data_points))::double precision AS avg_value,
    sum(data_points)::bigint AS data_points,
    min(min_value) AS min_value,
    max(max_value) AS max_value,
    sum(sum_value) AS sum_value
FROM kpi_values_minute
GROUP BY 1, 2
WITH NO DATA;

-- name: set_day_zone$
-- What the next statement reads, which can have no parameters.
SELECT set_config('kpi_stream.day_zone', :zone, false);

-- name: create_day_aggregate!
-- Straight on the minute: nothing of a fixed width may stack on a bucket with a time zone, and an
-- hour in UTC is no part of a day in +05:30. UTC has no zone here, because its days have a fixed
-- width and so stay clear of what goes wrong with days that have not.
DO $$
DECLARE
    zone text := current_setting('kpi_stream.day_zone');
BEGIN
    IF to_regclass('kpi_values_day') IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'CREATE MATERIALIZED VIEW kpi_values_day
        WITH (timescaledb.continuous, timescaledb.materialized_only = false)
        AS
        SELECT
            time_bucket(INTERVAL ''1 day'', bucket%s) AS bucket,
            kpi_code,
            (sum(sum_value) / sum(data_points))::double precision AS avg_value,
            sum(data_points)::bigint AS data_points,
            min(min_value) AS min_value,
            max(max_value) AS max_value,
            sum(sum_value) AS sum_value
        FROM kpi_values_minute
        GROUP BY 1, 2
        WITH NO DATA',
        CASE WHEN zone IN ('UTC', 'Etc/UTC') THEN '' ELSE format(', %L', zone) END
    );
END
$$;

-- name: drop_day_aggregate!
DROP MATERIALIZED VIEW IF EXISTS kpi_values_day;

-- name: set_materialized_only!
-- ALTER takes no parameters.
DO $$
DECLARE
    view_name text;
BEGIN
    FOREACH view_name IN ARRAY ARRAY['kpi_values_minute', 'kpi_values_hour', 'kpi_values_day'] LOOP
        EXECUTE format(
            'ALTER MATERIALIZED VIEW %I SET (timescaledb.materialized_only = %s)',
            view_name, current_setting('kpi_stream.materialized_only')
        );
    END LOOP;
END
$$;

-- name: choose_materialized_only$
SELECT set_config('kpi_stream.materialized_only', :materialized_only, false);
