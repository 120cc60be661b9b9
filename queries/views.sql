-- What lies behind a view: it may be one over an aggregate or a materialised view of another name.

-- name: behind^
-- The number of the materialised-only continuous aggregate behind a view, if there is one.
WITH RECURSIVE behind (oid) AS (
    SELECT to_regclass(:view::text)::oid
    UNION
    SELECT d.refobjid
    FROM behind
    JOIN pg_rewrite AS r ON r.ev_class = behind.oid
    JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> behind.oid
    WHERE behind.oid NOT IN (SELECT oid FROM made)
), made AS (
    SELECT
        to_regclass(format('%I.%I', user_view_schema, user_view_name))::oid AS oid,
        mat_hypertable_id, materialized_only
    FROM _timescaledb_catalog.continuous_agg
)
SELECT mat_hypertable_id FROM behind JOIN made USING (oid)
WHERE materialized_only
ORDER BY mat_hypertable_id
LIMIT 1;

-- name: is_filled_by_hand$
-- Whether a materialised view of PostgreSQL's own is behind a view.
WITH RECURSIVE behind (oid) AS (
    SELECT to_regclass(:view::text)::oid
    UNION
    SELECT d.refobjid
    FROM behind
    JOIN pg_rewrite AS r ON r.ev_class = behind.oid
    JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> behind.oid
    WHERE NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = behind.oid AND c.relkind = 'm')
)
SELECT EXISTS (SELECT FROM behind JOIN pg_class USING (oid) WHERE relkind = 'm');

-- name: job_health
-- The refresh jobs of the aggregates behind the three views, how their last run went, and how long
-- after its end a bucket may wait for one: without initial_start the runs drift.
WITH RECURSIVE behind (oid) AS (
    SELECT to_regclass(wanted)::oid
    FROM unnest(ARRAY['kpi_values_minute', 'kpi_values_hour', 'kpi_values_day']) AS wanted
    UNION
    SELECT d.refobjid
    FROM behind
    JOIN pg_rewrite AS r ON r.ev_class = behind.oid
    JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> behind.oid
    WHERE behind.oid NOT IN (SELECT oid FROM made)
), made AS (
    SELECT
        to_regclass(format('%I.%I', user_view_schema, user_view_name))::oid AS oid,
        user_view_name, mat_hypertable_id
    FROM _timescaledb_catalog.continuous_agg
)
SELECT
    made.user_view_name AS view_name,
    j.scheduled,
    s.last_run_status,
    s.total_runs,
    s.last_run_started_at < now() - 10 * j.schedule_interval - INTERVAL '1 minute' AS overdue,
    extract(
        epoch FROM coalesce((j.config ->> 'end_offset')::interval, INTERVAL '0')
            + CASE WHEN j.initial_start IS NULL THEN j.schedule_interval ELSE INTERVAL '0' END
    )::double precision AS delay_seconds
FROM behind
JOIN made USING (oid)
JOIN timescaledb_information.jobs AS j
    ON (j.config ->> 'mat_hypertable_id')::integer = made.mat_hypertable_id
LEFT JOIN timescaledb_information.job_stats AS s USING (job_id)
WHERE j.proc_name = 'policy_refresh_continuous_aggregate'
ORDER BY j.job_id;
