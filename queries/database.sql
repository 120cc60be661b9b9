-- What is asked about the database itself.

-- name: has_continuous_aggregates$
-- Where our own rollups are, TimescaleDB keeps nothing for us, though it may be installed.
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
    AND to_regclass('kpi_rollup_minute') IS NULL;

-- name: set_for_session#
-- What a connection relies on, where it could not be sent when it was made.
SELECT set_config({name}, {value}, false);

-- name: set_for_transaction#
SELECT set_config({name}, {value}, true);

-- name: require_settings#
-- Fails where a pooler took what was sent at the start and did nothing with it.
DO $$
BEGIN
    PERFORM FROM pg_settings WHERE name = 'statement_timeout' AND setting = '{milliseconds}';
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'KP001';
    END IF;
END
$$;

-- name: backend_pid$
SELECT pg_backend_pid();
