-- name: create_import_table#
-- Where each import stands; a row changes in the same transaction as the rows it speaks of.
-- earliest and latest span what was loaded since the aggregates were last refreshed over it.
CREATE TABLE IF NOT EXISTS kpi_import (
    source text PRIMARY KEY,
    position bigint NOT NULL DEFAULT 0,
    line bigint NOT NULL DEFAULT 0,
    fingerprint bytea NOT NULL DEFAULT '',
    loaded bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    rejects_size bigint NOT NULL DEFAULT 0,
    earliest timestamptz,
    latest timestamptz,
    updated timestamptz NOT NULL DEFAULT now()
);

-- name: load_import^
SELECT position, line, fingerprint, loaded, rejected, rejects_size, earliest, latest
FROM kpi_import
WHERE source = :source;

-- name: start_import!
-- A source that was never seen, or whose checkpoint no longer fits, starts from nothing; rows that
-- an earlier run loaded but did not refresh stay remembered.
INSERT INTO kpi_import (source)
VALUES (:source)
ON CONFLICT (source) DO UPDATE SET
    position = 0, line = 0, fingerprint = '', loaded = 0, rejected = 0, rejects_size = 0,
    updated = now();

-- name: advance_import$
-- No row comes back when somebody else has moved this import since we last did.
UPDATE kpi_import SET
    position = :position,
    line = :line,
    fingerprint = :fingerprint,
    loaded = :loaded,
    rejected = :rejected,
    rejects_size = :rejects_size,
    earliest = least(earliest, :earliest),
    latest = greatest(latest, :latest),
    updated = now()
WHERE source = :source AND position = :expected_position
RETURNING 1;

-- name: finish_import!
UPDATE kpi_import SET earliest = NULL, latest = NULL, updated = now()
WHERE source = :source AND position = :position;

-- name: allow_pauses!
-- What is piped in may come slowly.
SET LOCAL idle_in_transaction_session_timeout = 0;
