-- What `kpi-stream db check` asks of a database it has never seen. {view}, {period} and the like
-- are replaced before a statement runs.

-- name: relations
-- The table and the three views, those that are there: what each is and has.
SELECT
    wanted AS name,
    c.relkind::text AS kind,
    (
        SELECT jsonb_object_agg(attname, format_type(atttypid, NULL)) FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
    )::text AS columns,
    CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END AS definition
FROM unnest(
    ARRAY['kpi_raw_data', 'kpi_values_minute', 'kpi_values_hour', 'kpi_values_day']
) AS wanted
JOIN pg_class AS c ON c.oid = to_regclass(wanted);

-- name: clock^
SELECT
    extract(epoch FROM now())::double precision AS now,
    current_setting('extra_float_digits')::integer AS float_digits,
    quote_ident(current_database()) AS database;

-- name: misplaced^
-- A bucket that begins where none can.
SELECT bucket FROM {view}
WHERE bucket > now() - INTERVAL '14 days' AND bucket <> date_trunc('{period}', bucket, :zone)
LIMIT 1;

-- name: repeated^
SELECT bucket, kpi_code FROM {view}
WHERE bucket > now() - INTERVAL '2 days'
GROUP BY bucket, kpi_code
HAVING count(*) > 1
LIMIT 1;

-- name: unlike_raw^
-- A minute of the last two hours whose numbers are not those of its raw rows, of twenty KPIs. The
-- newest minutes may still be changing.
WITH span AS (
    SELECT
        date_trunc('minute', now(), 'UTC') - INTERVAL '2 hours' AS first,
        date_trunc('minute', now(), 'UTC') - INTERVAL '5 minutes' AS until
), codes AS (
    SELECT kpi_code FROM kpi_raw_data, span
    WHERE "timestamp" >= span.first AND "timestamp" < span.until
    GROUP BY kpi_code
    ORDER BY kpi_code
    LIMIT 20
), raw AS (
    SELECT
        date_trunc('minute', "timestamp", 'UTC') AS bucket, kpi_code,
        (sum(value::text::numeric) / count(*))::double precision AS avg_value,
        count(*) AS points, max(abs(value)) AS scale
    FROM kpi_raw_data, span
    WHERE "timestamp" >= span.first AND "timestamp" < span.until
        AND kpi_code IN (SELECT kpi_code FROM codes)
        AND value BETWEEN -1e290 AND 1e290
    GROUP BY 1, 2
)
SELECT raw.bucket, raw.kpi_code, raw.avg_value AS wanted, v.avg_value::double precision AS said
FROM raw
LEFT JOIN kpi_values_minute AS v ON v.bucket = raw.bucket AND v.kpi_code = raw.kpi_code
WHERE v.avg_value IS NULL
    OR abs(v.avg_value::double precision - raw.avg_value) > 1e-9 * raw.scale
    OR {points} <> raw.points
ORDER BY 1, 2
LIMIT 1;

-- name: unlike_minutes^
-- The same of the last complete hours or days, against the minutes they are made of.
WITH span AS (
    SELECT
        date_trunc('{period}', now() - {length} - INTERVAL '5 minutes', :zone) AS first,
        date_trunc('{period}', now() - INTERVAL '5 minutes', :zone) AS until
), codes AS (
    SELECT DISTINCT v.kpi_code FROM {view} AS v, span
    WHERE v.bucket >= span.first AND v.bucket < span.until
    ORDER BY 1
    LIMIT 20
), minutes AS (
    SELECT
        date_trunc('{period}', m.bucket, :zone) AS bucket, m.kpi_code,
        (sum(m.avg_value::numeric * m.data_points::numeric) / sum(m.data_points))::double precision
            AS avg_value,
        sum(m.data_points) AS points,
        max(abs(m.avg_value::double precision)) AS scale
    FROM kpi_values_minute AS m, span
    WHERE m.bucket >= span.first AND m.bucket < span.until
        AND m.kpi_code IN (SELECT kpi_code FROM codes)
    GROUP BY 1, 2
)
SELECT
    minutes.bucket, minutes.kpi_code, minutes.avg_value AS wanted,
    v.avg_value::double precision AS said
FROM minutes
LEFT JOIN {view} AS v ON v.bucket = minutes.bucket AND v.kpi_code = minutes.kpi_code
WHERE v.avg_value IS NULL
    OR abs(v.avg_value::double precision - minutes.avg_value) > 1e-9 * minutes.scale
    OR {points} <> minutes.points
ORDER BY 1, 2
LIMIT 1;

-- name: raw_guards^
-- Whether the raw table keeps NaN and infinities out, and has an index to find rows by.
SELECT
    EXISTS (
        SELECT FROM pg_constraint AS c
        JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
        WHERE c.conrelid = to_regclass('kpi_raw_data') AND c.contype = 'c' AND a.attname = 'value'
    ) AS finite,
    EXISTS (
        SELECT FROM pg_index AS i
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = to_regclass('kpi_raw_data') AND a.attname IN ('kpi_code', 'timestamp')
    ) AS indexed;

-- name: rollups^
-- Plain PostgreSQL's: null where there are none. backlog is counted up to a bound.
SELECT
    (
        SELECT count(*) FROM pg_trigger
        WHERE tgrelid = to_regclass('kpi_raw_data') AND tgname LIKE 'kpi\_note\_%'
            AND tgenabled IN ('O', 'A')
    ) AS triggers,
    (SELECT count(*) FROM (SELECT FROM kpi_dirty LIMIT 1000001) AS entries) AS backlog
WHERE to_regclass('kpi_rollup_minute') IS NOT NULL;

-- name: has_rollups$
SELECT to_regclass('kpi_rollup_minute') IS NOT NULL AND to_regclass('kpi_dirty') IS NOT NULL;

-- name: built_zone$
SELECT value FROM kpi_facts WHERE name = 'timezone';

-- name: refresh_jobs
-- Each view's refresh jobs, a row without one where there is none, and how long the rows that the
-- view is made from are kept.
SELECT
    c.user_view_name AS view,
    v.materialized_only,
    v.compression_enabled,
    j.job_id,
    j.scheduled,
    j.schedule_interval,
    j.initial_start IS NOT NULL AS aligned,
    (j.config ->> 'start_offset')::interval AS start_offset,
    (j.config ->> 'end_offset')::interval AS end_offset,
    coalesce((j.config ->> 'buckets_per_batch')::integer, -1) AS buckets_per_batch,
    s.last_run_status,
    greatest(s.last_run_started_at, j.initial_start)
        < now() - 10 * j.schedule_interval - INTERVAL '2 minutes' AS overdue,
    (
        SELECT min((r.config ->> 'drop_after')::interval)
        FROM timescaledb_information.jobs AS r
        WHERE r.proc_name = 'policy_retention'
            AND (r.config ->> 'hypertable_id')::integer = c.raw_hypertable_id
    ) AS source_kept
FROM _timescaledb_catalog.continuous_agg AS c
JOIN timescaledb_information.continuous_aggregates AS v
    ON v.view_schema = c.user_view_schema AND v.view_name = c.user_view_name
LEFT JOIN timescaledb_information.jobs AS j
    ON j.proc_name = 'policy_refresh_continuous_aggregate'
    AND (j.config ->> 'mat_hypertable_id')::integer = c.mat_hypertable_id
LEFT JOIN timescaledb_information.job_stats AS s ON s.job_id = j.job_id
WHERE to_regclass(format('%I.%I', c.user_view_schema, c.user_view_name)) IN (
    to_regclass('kpi_values_minute'), to_regclass('kpi_values_hour'), to_regclass('kpi_values_day')
)
ORDER BY c.mat_hypertable_id, j.job_id;

-- name: raw_compression$
SELECT coalesce(bool_or(compression_enabled), false)
FROM timescaledb_information.hypertables
WHERE hypertable_name = 'kpi_raw_data';

-- name: unrefreshed^
-- The first source row that lies before the view's watermark, in a range that has changed and was
-- not refreshed, and that no job reaches any more: it is not to be seen.
SELECT source.at
FROM _timescaledb_catalog.continuous_agg AS c
JOIN _timescaledb_catalog.continuous_aggs_watermark AS w
    ON w.mat_hypertable_id = c.mat_hypertable_id
JOIN _timescaledb_catalog.continuous_aggs_materialization_invalidation_log AS l
    ON l.materialization_id = c.mat_hypertable_id
    AND l.lowest_modified_value < w.watermark AND w.watermark > 0
CROSS JOIN LATERAL (
    SELECT {time} AS at FROM {source}
    -- Microseconds since 1970; the log's ends are the least and the greatest bigint.
    WHERE {time} >= to_timestamp(greatest(l.lowest_modified_value, 0) / 1e6)
        AND {time} <= to_timestamp(least(l.greatest_modified_value, w.watermark) / 1e6)
        AND {time} < to_timestamp(w.watermark / 1e6)
        AND {time} < now() - :reach::interval
    ORDER BY {time}
    LIMIT 1
) AS source
WHERE c.user_view_name = :view
ORDER BY source.at
LIMIT 1;
