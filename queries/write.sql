-- Rows that come over HTTP.

-- name: has_raw_table$
SELECT to_regclass('kpi_raw_data') IS NOT NULL;

-- name: take_key$
-- Returns nothing where the key was used before.
INSERT INTO kpi_writes (key, fingerprint, row_count) VALUES (:key, :fingerprint, :row_count)
ON CONFLICT (key) DO NOTHING
RETURNING true;

-- name: used_key^
SELECT fingerprint, row_count FROM kpi_writes WHERE key = :key;

-- name: forget_keys!
DELETE FROM kpi_writes WHERE written < now() - INTERVAL '7 days';

-- name: write_rows!
-- A row without a time is of now.
INSERT INTO kpi_raw_data ("timestamp", kpi_code, value)
SELECT coalesce(row.at, now()), row.code, row.value
FROM unnest(:times::timestamptz[], :codes::text[], :row_values::double precision[])
    AS row (at, code, value);
