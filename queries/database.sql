-- What is asked about the database itself.

-- name: has_continuous_aggregates$
-- Where our own rollups are, TimescaleDB keeps nothing for us, though it may be installed.
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
    AND to_regclass('kpi_rollup_minute') IS NULL;
