-- What `kpi-stream db check` asks of TimescaleDB. {view}, {source} and the like are replaced.

-- name: refresh_jobs
-- The aggregates behind the three views, which may be views over aggregates of other names; each
-- with its refresh jobs, a row without one where there is none, and how long the rows that the
-- aggregate is made from are kept.
WITH RECURSIVE behind (view, oid) AS (
    SELECT wanted, to_regclass(wanted)::oid
    FROM unnest(ARRAY['kpi_values_minute', 'kpi_values_hour', 'kpi_values_day']) AS wanted
    UNION
    SELECT behind.view, d.refobjid
    FROM behind
    JOIN pg_rewrite AS r ON r.ev_class = behind.oid
    JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> behind.oid
    WHERE behind.oid NOT IN (SELECT oid FROM made)
), made AS (
    SELECT to_regclass(format('%I.%I', user_view_schema, user_view_name))::oid AS oid, *
    FROM _timescaledb_catalog.continuous_agg
)
SELECT
    behind.view,
    behind.oid::regclass::text AS aggregate,
    behind.oid = to_regclass(behind.view) AS is_the_view,
    c.mat_hypertable_id,
    v.materialized_only,
    v.compression_enabled,
    v.view_definition AS definition,
    j.job_id,
    j.scheduled,
    j.schedule_interval,
    j.initial_start IS NOT NULL AS aligned,
    (j.config ->> 'start_offset')::interval AS start_offset,
    (j.config ->> 'end_offset')::interval AS end_offset,
    coalesce((j.config ->> 'buckets_per_batch')::integer, -1) AS buckets_per_batch,
    s.last_run_status,
    coalesce(s.total_runs, 0) = 0 AS never_ran,
    greatest(s.last_run_started_at, j.initial_start)
        < now() - 10 * j.schedule_interval - INTERVAL '2 minutes' AS overdue,
    (
        SELECT min((r.config ->> 'drop_after')::interval)
        FROM timescaledb_information.jobs AS r
        WHERE r.proc_name = 'policy_retention'
            AND (r.config ->> 'hypertable_id')::integer = c.raw_hypertable_id
    ) AS source_kept
FROM behind
JOIN made AS c ON c.oid = behind.oid
JOIN timescaledb_information.continuous_aggregates AS v
    ON v.view_schema = c.user_view_schema AND v.view_name = c.user_view_name
LEFT JOIN timescaledb_information.jobs AS j
    ON j.proc_name = 'policy_refresh_continuous_aggregate'
    AND (j.config ->> 'mat_hypertable_id')::integer = c.mat_hypertable_id
LEFT JOIN timescaledb_information.job_stats AS s ON s.job_id = j.job_id
ORDER BY c.mat_hypertable_id, j.job_id;

-- name: raw_compression$
SELECT coalesce(bool_or(compression_enabled), false)
FROM timescaledb_information.hypertables
WHERE to_regclass(format('%I.%I', hypertable_schema, hypertable_name)) = to_regclass('kpi_raw_data');

-- name: pending
-- What has changed and waits for a refresh, in microseconds since 1970: of the rows that an
-- aggregate is made from, and of the aggregate itself.
SELECT l.lowest_modified_value AS first, l.greatest_modified_value AS last
FROM _timescaledb_catalog.continuous_agg AS c
JOIN _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log AS l
    ON l.hypertable_id = c.raw_hypertable_id
WHERE c.mat_hypertable_id = :aggregate
UNION ALL
SELECT l.lowest_modified_value, l.greatest_modified_value
FROM _timescaledb_catalog.continuous_agg AS c
JOIN _timescaledb_catalog.continuous_aggs_materialization_invalidation_log AS l
    ON l.materialization_id = c.mat_hypertable_id
WHERE c.mat_hypertable_id = :aggregate;

-- name: unrefreshed
-- Ranges before the aggregate's watermark that have changed, were not refreshed, and that no job
-- reaches any more, where a bucket is not what its rows say: the first and the last such bucket of
-- each range, and whether a refresh would lose a bucket whose rows are gone.
SELECT
    wrong.first,
    wrong.until,
    EXISTS (
        SELECT FROM {view} AS v
        WHERE v.bucket >= wrong.first AND v.bucket < wrong.until AND v.bucket < now() - :reach::interval
            AND NOT EXISTS (
                SELECT FROM {source} AS held
                WHERE held.{time} >= v.bucket AND held.{time} < v.bucket + INTERVAL '{step}'
                    AND held.kpi_code = v.kpi_code
            )
    ) AS loses
FROM _timescaledb_catalog.continuous_agg AS c
JOIN _timescaledb_catalog.continuous_aggs_watermark AS w
    ON w.mat_hypertable_id = c.mat_hypertable_id
JOIN _timescaledb_catalog.continuous_aggs_materialization_invalidation_log AS l
    ON l.materialization_id = c.mat_hypertable_id
    AND l.lowest_modified_value < w.watermark AND w.watermark > 0
CROSS JOIN LATERAL (
    SELECT
        min(made.bucket) AS first,
        date_trunc('{period}', max(made.bucket) + INTERVAL '{step}' + INTERVAL '{margin}', :zone)
            AS until
    FROM (
        SELECT
            date_trunc('{period}', source.{time}, :zone) AS bucket, source.kpi_code,
            {count} AS points
        FROM (
            SELECT * FROM {source}
            -- Microseconds since 1970; the log's ends are the least and the greatest bigint.
            WHERE {time} >= to_timestamp(greatest(l.lowest_modified_value, 0) / 1e6)
                AND {time} <= to_timestamp(least(l.greatest_modified_value, w.watermark) / 1e6)
                AND {time} < to_timestamp(w.watermark / 1e6)
                AND {time} < now() - :reach::interval
            LIMIT 200000
        ) AS source
        GROUP BY 1, 2
    ) AS made
    LEFT JOIN {view} AS v ON v.bucket = made.bucket AND v.kpi_code = made.kpi_code
        AND v.bucket >= to_timestamp(greatest(l.lowest_modified_value, 0) / 1e6) - INTERVAL '{step}'
        AND v.bucket < to_timestamp(w.watermark / 1e6)
    WHERE v.bucket IS NULL OR {points} < made.points
) AS wrong
WHERE c.mat_hypertable_id = :aggregate AND wrong.first IS NOT NULL
ORDER BY wrong.first
LIMIT 20;
