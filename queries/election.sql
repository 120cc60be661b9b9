-- One publisher leads: the one whose session holds an advisory lock. What it asks on that session
-- every half second is its sign of life, which the others see in pg_stat_activity: nothing is
-- written. clock_timestamp() is meant here, the time that really passes.

-- name: lock_number$
-- Each schema of a database has a leader of its own: they are different deployments. That of public
-- is the one that publishers of the first release wait for, so that both never lead at once.
SELECT :lock::bigint # (
    (hashtext(coalesce(current_schema(), 'public')) # hashtext('public'))::bigint & 4294967295
);

-- name: try_to_lead$
SELECT pg_try_advisory_lock(:lock::bigint);

-- name: epoch$
-- Grows from one election to the next, whoever asks, also over restarts.
SELECT pg_current_xact_id()::text::bigint;

-- name: still_leads^
SELECT extract(epoch FROM now())::double precision AS now, EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid = (:lock::bigint >> 32)::oid AND objid = (:lock::bigint & 4294967295)::oid
        AND objsubid = 1
) AS leads;

-- name: depose_silent$
-- Ends the session of a leader that is frozen or cut off; true when there was one.
SELECT coalesce(bool_or(pg_terminate_backend(pid)), false)
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted
    AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = (:lock::bigint >> 32)::oid AND objid = (:lock::bigint & 4294967295)::oid
    AND objsubid = 1
    AND state_change < clock_timestamp() - make_interval(secs => :seconds);
