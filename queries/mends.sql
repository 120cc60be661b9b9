-- What `kpi-stream db check` advises to run, never run by this project itself.

-- name: adapt#
-- Puts a view of the right shape before yours, which stays as it is under another name.
ALTER {kind} {view} RENAME TO {view}_original;
CREATE VIEW {view} AS
SELECT {columns}
FROM {view}_original{where};

-- name: coarser#
-- From the minutes, weighed by their rows.
CREATE VIEW {view} AS
SELECT
    date_trunc('{period}', bucket, '{zone}') AS bucket, kpi_code,
    sum(avg_value * data_points) / nullif(sum(data_points), 0) AS avg_value,
    sum(data_points)::bigint AS data_points{extremes}
FROM kpi_values_minute
GROUP BY 1, 2;

-- name: weighed#
-- Puts your view aside under another name, and makes one that weighs the minutes by their rows.
ALTER {kind} {view} RENAME TO {view}_original;

-- name: fill#
REFRESH MATERIALIZED VIEW {view};

-- name: real_time#
ALTER MATERIALIZED VIEW {aggregate} SET (timescaledb.materialized_only = false);

-- name: policy#
SELECT remove_continuous_aggregate_policy('{aggregate}', if_exists => true);
SELECT add_continuous_aggregate_policy('{aggregate}',
    start_offset => {start}, end_offset => INTERVAL '{end} seconds',
    schedule_interval => INTERVAL '1 minute',
    initial_start => date_trunc('minute', now()) + INTERVAL '{second} seconds'{batch});

-- name: resume#
SELECT alter_job({job}, scheduled => true);

-- name: errors#
SELECT finish_time, err_message FROM timescaledb_information.job_errors WHERE job_id = {job}
ORDER BY finish_time DESC LIMIT 5;

-- name: workers#
SELECT _timescaledb_functions.start_background_workers();

-- name: refresh#
CALL refresh_continuous_aggregate('{aggregate}', '{first}', '{until}'{options});

-- name: whole#
SELECT alter_job({job}, config => config || '{"buckets_per_batch": 0}') FROM timescaledb_information.jobs
WHERE job_id = {job};

-- name: upgrade#
ALTER EXTENSION timescaledb UPDATE;

-- name: finite#
ALTER TABLE kpi_raw_data ADD CHECK (value BETWEEN -1e290 AND 1e290) NOT VALID;

-- name: filled#
-- Rows that lack something stand for nothing; without them the columns can be made sure of.
DELETE FROM kpi_raw_data WHERE "timestamp" IS NULL OR kpi_code IS NULL OR value IS NULL;
ALTER TABLE kpi_raw_data ALTER "timestamp" SET NOT NULL, ALTER kpi_code SET NOT NULL,
    ALTER value SET NOT NULL;

-- name: index#
CREATE INDEX ON kpi_raw_data (kpi_code, "timestamp" DESC);

-- name: triggers#
ALTER TABLE kpi_raw_data ENABLE TRIGGER USER;
-- then `kpi-stream db init`, and once
INSERT INTO kpi_dirty
SELECT DISTINCT kpi_code, date_trunc('minute', "timestamp", 'UTC') FROM kpi_raw_data;

-- name: keep_rights#
GRANT SELECT ON kpi_raw_data TO {role};
GRANT SELECT, INSERT, DELETE ON kpi_dirty, kpi_dirty_hour, kpi_dirty_day TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON kpi_rollup_minute, kpi_rollup_hour, kpi_rollup_day TO {role};

-- name: catalogue_right#
GRANT SELECT ON kpi_catalog TO {role};

-- name: float_digits#
ALTER DATABASE {database} RESET extra_float_digits;
