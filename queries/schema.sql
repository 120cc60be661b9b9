-- The tables that both backends share. Each statement may run again.

-- name: create_raw_table#
-- A value is finite, so small that no sum of values overflows a double, and so large (or zero) that
-- no average falls below the smallest one. A time is one that every language's calendar has.
CREATE TABLE IF NOT EXISTS kpi_raw_data (
    "timestamp" timestamptz NOT NULL
        CHECK ("timestamp" BETWEEN '1900-01-01T00:00:00Z' AND '9000-01-01T00:00:00Z'),
    kpi_code text NOT NULL CHECK (kpi_code ~ '^[A-Za-z0-9_.-]{1,64}$'),
    value double precision NOT NULL
        CHECK (value = 0 OR abs(value) BETWEEN 1e-290 AND 1e290)
);

-- name: has_raw_index$
SELECT to_regclass('kpi_raw_data_kpi_code_timestamp') IS NOT NULL;

-- name: create_raw_index#
-- All writers wait for it, even if it only finds out that the index is there.
CREATE INDEX IF NOT EXISTS kpi_raw_data_kpi_code_timestamp
    ON kpi_raw_data (kpi_code, "timestamp" DESC);

-- name: create_catalog#
CREATE TABLE IF NOT EXISTS kpi_catalog (
    code text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9_.-]{1,64}$'),
    name text,
    unit text,
    decimals smallint CHECK (decimals BETWEEN 0 AND 15),
    direction text CHECK (direction IN ('up', 'down')),
    target double precision,
    simulated boolean NOT NULL DEFAULT false
);

-- name: catalog_is_old$
-- Whether the catalogue is as the first release made it. One of somebody else's is read as it is.
SELECT count(*) FILTER (WHERE attname = 'simulated') = 1
    AND count(*) FILTER (WHERE attname = 'upper') = 0
FROM pg_attribute
WHERE attrelid = to_regclass('kpi_catalog') AND NOT attisdropped;

-- name: complete_catalog#
-- What the first release's catalogue did not have.
ALTER TABLE kpi_catalog
    ADD COLUMN IF NOT EXISTS warning double precision,
    ADD COLUMN IF NOT EXISTS aggregate text NOT NULL DEFAULT 'avg'
        CHECK (aggregate IN ('avg', 'sum', 'min', 'max', 'count', 'last')),
    ADD COLUMN IF NOT EXISTS formula text CHECK (length(formula) BETWEEN 1 AND 1000),
    ADD COLUMN IF NOT EXISTS group_name text,
    ADD COLUMN IF NOT EXISTS description text,
    ADD COLUMN IF NOT EXISTS lower double precision,
    ADD COLUMN IF NOT EXISTS upper double precision;

-- name: create_facts#
-- What the views were built with.
CREATE TABLE IF NOT EXISTS kpi_facts (
    name text PRIMARY KEY,
    value text NOT NULL
);

-- name: create_writes#
-- Which requests have written rows, so that none does twice.
CREATE TABLE IF NOT EXISTS kpi_writes (
    key text PRIMARY KEY,
    fingerprint bytea NOT NULL,
    row_count bigint NOT NULL,
    written timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS kpi_writes_written ON kpi_writes (written);

-- name: has_facts$
-- And may be read: a role may have rights on the views alone.
SELECT coalesce(has_table_privilege(to_regclass('kpi_facts'), 'SELECT'), false);

-- name: fact$
SELECT value FROM kpi_facts WHERE name = :name;

-- name: put_fact!
INSERT INTO kpi_facts VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: lock_schema!
SELECT pg_advisory_xact_lock(5784203001);

-- name: lock_schema_for_session!
-- Until the connection is closed.
SELECT pg_advisory_lock(5784203001);

-- name: has_foreign_views$
-- Whether somebody else made the three views; TimescaleDB's are looked at elsewhere.
SELECT to_regclass('kpi_rollup_minute') IS NULL
    AND num_nonnulls(
        to_regclass('kpi_values_minute'),
        to_regclass('kpi_values_hour'),
        to_regclass('kpi_values_day')
    ) > 0;

-- name: change_type#
-- Advised where a column of such a table is of a type that cannot be added up.
ALTER TABLE kpi_raw_data ALTER "{name}" TYPE {type};

-- name: change_time#
ALTER TABLE kpi_raw_data ALTER "timestamp" TYPE timestamptz USING "timestamp" AT TIME ZONE 'UTC';

-- name: views$
-- How many of the three views there are.
SELECT num_nonnulls(
    to_regclass('kpi_values_minute'), to_regclass('kpi_values_hour'), to_regclass('kpi_values_day')
);

-- name: may_create_timescale$
-- Whether it is loaded shows in its settings: the list of what is loaded is not for every role.
SELECT EXISTS (
    SELECT FROM pg_available_extension_versions AS v
    JOIN pg_available_extensions AS e ON e.name = v.name AND e.default_version = v.version
    WHERE v.name = 'timescaledb' AND e.installed_version IS NULL
        AND (v.trusted OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))
)
    AND EXISTS (SELECT FROM pg_settings WHERE name LIKE 'timescaledb.%')
    AND has_database_privilege(current_database(), 'CREATE');

-- name: raw_types
-- The columns of a table that was there before, those that are needed.
SELECT attname AS name, format_type(atttypid, NULL) AS type
FROM pg_attribute
WHERE attrelid = to_regclass('kpi_raw_data') AND attnum > 0 AND NOT attisdropped
    AND attname IN ('timestamp', 'kpi_code', 'value');

-- name: create_timescale!
CREATE EXTENSION IF NOT EXISTS timescaledb;

-- name: local_time$
SELECT now() AT TIME ZONE :zone;
