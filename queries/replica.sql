-- Whether a replica has all that the primary had when it was asked.

-- name: position^
SELECT pg_current_wal_insert_lsn()::text AS lsn, extract(epoch FROM now())::double precision AS now;

-- name: has_replayed$
SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= :lsn::text::pg_lsn;
