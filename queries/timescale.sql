-- TimescaleDB's side of the schema: a hypertable, three continuous aggregates and their policies.
-- Each statement may run again; none runs in a transaction of the caller's. {batch} and {options}
-- are where newer releases are told to refresh in one piece, as the older ones do: in pieces of a
-- bucket each, catching up takes a transaction a bucket, and 2.28 leaves out the last one.

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

-- name: see_extension$
-- Its functions are called by their names alone; a schema of one's own may be all that is searched.
SELECT set_config(
    'search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), quote_ident(nspname)), false
)
FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
WHERE extname = 'timescaledb' AND nspname <> ALL (current_schemas(true));

-- name: create_hypertable$
SELECT hypertable_id
FROM create_hypertable(
    'kpi_raw_data', by_range('timestamp', INTERVAL '1 day'),
    create_default_indexes => false, if_not_exists => true, migrate_data => true
);

-- name: create_minute_aggregate!
-- The sum is exact and does not depend on the order of the rows: the shortest decimal of each
-- double, added as numeric. A float sum would change in its last digit from one refresh to the
-- next, and look like a correction. The last value is the latest row's, of those at the same time the
-- largest: arrays are compared from their first element on.
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
    sum(value::text::numeric) AS sum_value,
    (max(ARRAY[extract(epoch FROM "timestamp")::double precision, value]))[2] AS last_value
FROM kpi_raw_data
WHERE value IS NOT NULL AND kpi_code IS NOT NULL
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
    sum(sum_value) AS sum_value,
    (max(ARRAY[extract(epoch FROM bucket)::double precision, last_value]))[2] AS last_value
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
            sum(sum_value) AS sum_value,
            (max(ARRAY[extract(epoch FROM bucket)::double precision, last_value]))[2] AS last_value
        FROM kpi_values_minute
        GROUP BY 1, 2
        WITH NO DATA',
        CASE WHEN zone IN ('UTC', 'Etc/UTC') THEN '' ELSE format(', %L', zone) END
    );
END
$$;

-- name: drop_day_aggregate!
DROP MATERIALIZED VIEW IF EXISTS kpi_values_day;

-- name: choose_materialized_only$
-- What the next statement reads, which can have no parameters.
SELECT set_config('kpi_stream.materialized_only', :materialized_only, false);

-- name: set_materialized_only!
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

-- name: refresh_bounds^
-- Where each view's open bucket starts, which no refresh may touch: a materialised bucket is not
-- looked up in the raw rows any more. earliest is where the raw rows may have been dropped: what is
-- older must be left as it is.
SELECT
    date_trunc('minute', now(), 'UTC') AS minute,
    date_trunc('hour', now(), 'UTC') AS hour,
    date_trunc('day', now(), :zone) AS day,
    now() - (
        SELECT max((config ->> 'drop_after')::interval)
        FROM timescaledb_information.jobs
        WHERE proc_name = 'policy_retention'
    AND to_regclass(format('%I.%I', hypertable_schema, hypertable_name)) = to_regclass('kpi_raw_data')
    ) AS earliest,
    -- Somebody may have dropped chunks by hand, or all of them; minutes alone are made of raw rows.
    coalesce(
        (
            SELECT min(range_start) FROM timescaledb_information.chunks
            WHERE to_regclass(format('%I.%I', hypertable_schema, hypertable_name))
                = to_regclass('kpi_raw_data')
        ),
        now()
    ) AS oldest;

-- name: lift_statement_timeout$
SELECT set_config('statement_timeout', '0', false);

-- name: restore_statement_timeout!
RESET statement_timeout;

-- name: refresh!
CALL refresh_continuous_aggregate(
    :view::text::regclass, :earliest::timestamptz, :until::timestamptz{options}
);

-- name: refresh_again!
-- Whatever the log of what has changed says.
CALL refresh_continuous_aggregate(
    :view::text::regclass, :earliest::timestamptz, :until::timestamptz{options}, force => true
);

-- name: day_span^
-- The days that hold the instants from first to last, in seconds since 1970, that are over.
SELECT
    date_trunc('day', to_timestamp(:first), :zone) AS earliest,
    least(
        date_trunc('day', to_timestamp(:last), :zone) + INTERVAL '1 day',
        date_trunc('day', now(), :zone)
    ) AS until;

-- name: refresh_policies
SELECT
    c.user_view_name AS view_name,
    j.job_id,
    j.scheduled,
    j.schedule_interval,
    (j.config ->> 'start_offset')::interval AS start_offset,
    (j.config ->> 'end_offset')::interval AS end_offset,
    (j.config ->> 'buckets_per_batch')::integer AS buckets_per_batch,
    extract(second FROM j.initial_start)::double precision AS second
FROM timescaledb_information.jobs AS j
JOIN _timescaledb_catalog.continuous_agg AS c
    ON c.mat_hypertable_id = (j.config ->> 'mat_hypertable_id')::integer
WHERE j.proc_name = 'policy_refresh_continuous_aggregate'
    AND to_regclass(format('%I.%I', c.user_view_schema, c.user_view_name)) IN (
        to_regclass('kpi_values_minute'), to_regclass('kpi_values_hour'),
        to_regclass('kpi_values_day')
    );

-- name: remove_refresh_policy$
SELECT remove_continuous_aggregate_policy(:view::text::regclass, if_exists => true);

-- name: add_refresh_policy$
-- Without initial_start each run follows the last one's end, and so drifts through the minute.
SELECT add_continuous_aggregate_policy(
    :view::text::regclass,
    start_offset => :start_offset::interval,
    end_offset => :end_offset::interval,
    schedule_interval => INTERVAL '1 minute',
    initial_start => date_trunc('minute', now()) + make_interval(secs => :second){batch}
);

-- name: retention_policy^
SELECT job_id, (config ->> 'drop_after')::interval AS drop_after
FROM timescaledb_information.jobs
WHERE proc_name = 'policy_retention'
    AND to_regclass(format('%I.%I', hypertable_schema, hypertable_name)) = to_regclass('kpi_raw_data');

-- name: remove_retention_policy$
SELECT remove_retention_policy('kpi_raw_data', if_exists => true);

-- name: add_retention_policy$
SELECT add_retention_policy('kpi_raw_data', drop_after => :drop_after::interval);

-- name: compression_policy^
SELECT job_id, (config ->> 'compress_after')::interval AS compress_after
FROM timescaledb_information.jobs
WHERE proc_name = 'policy_compression'
    AND to_regclass(format('%I.%I', hypertable_schema, hypertable_name)) = to_regclass('kpi_raw_data');

-- name: enable_compression!
ALTER TABLE kpi_raw_data SET (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'kpi_code',
    timescaledb.compress_orderby = '"timestamp" DESC'
);

-- name: remove_compression_policy$
SELECT remove_compression_policy('kpi_raw_data', if_exists => true);

-- name: add_compression_policy$
SELECT add_compression_policy('kpi_raw_data', compress_after => :compress_after::interval);
