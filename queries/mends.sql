-- What `kpi-stream db check` advises to run, never run by this project itself.

-- name: view_with_points#
DROP MATERIALIZED VIEW {view};
-- then `kpi-stream db init`, if the other two are gone too, or your own definition with
-- sum(avg_value * data_points) / sum(data_points) in place of avg(avg_value)

-- name: real_time#
ALTER MATERIALIZED VIEW {view} SET (timescaledb.materialized_only = false);

-- name: policy#
SELECT remove_continuous_aggregate_policy('{view}', if_exists => true);
SELECT add_continuous_aggregate_policy('{view}',
    start_offset => {start}, end_offset => INTERVAL '1 minute',
    schedule_interval => INTERVAL '1 minute', initial_start => date_trunc('minute', now()));

-- name: resume#
SELECT alter_job({job}, scheduled => true);

-- name: errors#
SELECT finish_time, err_message FROM timescaledb_information.job_errors WHERE job_id = {job}
ORDER BY finish_time DESC LIMIT 5;

-- name: workers#
SELECT _timescaledb_functions.start_background_workers();

-- name: refresh#
CALL refresh_continuous_aggregate('{view}', {from}, date_trunc('{period}', now(), '{zone}'));

-- name: whole#
SELECT alter_job({job}, config => config || '{"buckets_per_batch": 0}') FROM timescaledb_information.jobs
WHERE job_id = {job};

-- name: upgrade#
ALTER EXTENSION timescaledb UPDATE;

-- name: finite#
ALTER TABLE kpi_raw_data ADD CHECK (value BETWEEN -1e290 AND 1e290);

-- name: index#
CREATE INDEX ON kpi_raw_data (kpi_code, "timestamp" DESC);

-- name: triggers#
ALTER TABLE kpi_raw_data ENABLE TRIGGER USER;
-- then `kpi-stream db init`, and once
INSERT INTO kpi_dirty
SELECT DISTINCT kpi_code, date_trunc('minute', "timestamp", 'UTC') FROM kpi_raw_data;

-- name: float_digits#
ALTER DATABASE {database} RESET extra_float_digits;
