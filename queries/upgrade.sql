-- From a database of an earlier release to one of this; nothing of the user's is touched.

-- name: lock_refreshes$
-- Until the connection is closed no process refreshes the rollups, of whatever release it is.
SELECT pg_advisory_lock(5784203002);

-- name: create_last_values#
ALTER TABLE kpi_rollup_minute
    ADD COLUMN IF NOT EXISTS last_value double precision,
    ADD COLUMN IF NOT EXISTS last_minute timestamptz;
ALTER TABLE kpi_rollup_hour
    ADD COLUMN IF NOT EXISTS last_value double precision,
    ADD COLUMN IF NOT EXISTS last_minute timestamptz;
ALTER TABLE kpi_rollup_day
    ADD COLUMN IF NOT EXISTS last_value double precision,
    ADD COLUMN IF NOT EXISTS last_minute timestamptz;

-- name: fill_last_minutes!
UPDATE kpi_rollup_minute AS r
SET last_value = raw.last_value, last_minute = r.bucket
FROM (
    SELECT kpi_code, kpi_minute("timestamp") AS bucket,
        (max(ARRAY[extract(epoch FROM "timestamp")::double precision, value]))[2]
            AS last_value
    FROM kpi_raw_data
    GROUP BY 1, 2
) AS raw
WHERE r.last_minute IS NULL AND raw.kpi_code = r.kpi_code AND raw.bucket = r.bucket;

-- name: fill_last_hours!
UPDATE kpi_rollup_hour AS r
SET last_value = m.last_value, last_minute = m.last_minute
FROM (
    SELECT
        kpi_code, kpi_hour(bucket) AS bucket, max(bucket) AS last_minute,
        (max(ARRAY[extract(epoch FROM bucket)::double precision, last_value]))[2] AS last_value
    FROM kpi_rollup_minute
    GROUP BY 1, 2
) AS m
WHERE r.last_minute IS NULL AND m.kpi_code = r.kpi_code AND m.bucket = r.bucket;

-- name: fill_last_days!
UPDATE kpi_rollup_day AS r
SET last_value = m.last_value, last_minute = m.last_minute
FROM (
    SELECT
        kpi_code, kpi_day(bucket) AS bucket, max(bucket) AS last_minute,
        (max(ARRAY[extract(epoch FROM bucket)::double precision, last_value]))[2] AS last_value
    FROM kpi_rollup_minute
    GROUP BY 1, 2
) AS m
WHERE r.last_minute IS NULL AND m.kpi_code = r.kpi_code AND m.bucket = r.bucket;
