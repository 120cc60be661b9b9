-- Plain PostgreSQL's side of the schema: rollups that are right at any moment.
--
-- Each view is the rollup for clean buckets and what lies below for dirty ones. Writers only append
-- to the log of dirty minutes, so that two who write the same minute do not wait for each other.
-- A refresh takes what it sees of the log, computes those minutes from the raw rows, and adds what
-- that changes to their hour and day. Where a minimum or maximum may have gone, nothing can be
-- added: such an hour or day is noted as dirty and summed up anew from its minutes.

-- name: create_rollups#
-- The last value is that of the latest raw row, of those at the same time the largest (arrays are
-- compared from their first element on); the last minute is the one that it is in.
CREATE TABLE IF NOT EXISTS kpi_rollup_minute (
    kpi_code text NOT NULL,
    bucket timestamptz NOT NULL,
    avg_value double precision NOT NULL,
    data_points bigint NOT NULL,
    min_value double precision NOT NULL,
    max_value double precision NOT NULL,
    sum_value numeric NOT NULL,
    last_value double precision,
    last_minute timestamptz,
    PRIMARY KEY (kpi_code, bucket)
);
CREATE INDEX IF NOT EXISTS kpi_rollup_minute_bucket ON kpi_rollup_minute (bucket);
CREATE TABLE IF NOT EXISTS kpi_rollup_hour (
    LIKE kpi_rollup_minute, PRIMARY KEY (kpi_code, bucket)
);
CREATE INDEX IF NOT EXISTS kpi_rollup_hour_bucket ON kpi_rollup_hour (bucket);
CREATE TABLE IF NOT EXISTS kpi_rollup_day (
    LIKE kpi_rollup_minute, PRIMARY KEY (kpi_code, bucket)
);
CREATE INDEX IF NOT EXISTS kpi_rollup_day_bucket ON kpi_rollup_day (bucket);
CREATE TABLE IF NOT EXISTS kpi_dirty (
    kpi_code text NOT NULL,
    bucket timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS kpi_dirty_kpi_code_bucket ON kpi_dirty (kpi_code, bucket);
-- Only a refresh writes these, and one refresh runs at a time, so they need not be logs.
CREATE TABLE IF NOT EXISTS kpi_dirty_hour (
    kpi_code text NOT NULL,
    bucket timestamptz NOT NULL,
    PRIMARY KEY (kpi_code, bucket)
);
CREATE TABLE IF NOT EXISTS kpi_dirty_day (
    kpi_code text NOT NULL,
    bucket timestamptz NOT NULL,
    PRIMARY KEY (kpi_code, bucket)
);

-- name: create_functions#
CREATE OR REPLACE FUNCTION kpi_minute(at timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN date_trunc('minute', at, 'UTC');
CREATE OR REPLACE FUNCTION kpi_hour(at timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN date_trunc('hour', at, 'UTC');
CREATE OR REPLACE FUNCTION kpi_hour_after(hour timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN hour + INTERVAL '1 hour';
-- The first instant of a local date. Where midnight comes twice, PostgreSQL means the second; that
-- the clock shows more than midnight just before that instant says how far back the first one is.
CREATE OR REPLACE FUNCTION kpi_midnight(local timestamp) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (local AT TIME ZONE {timezone}) - greatest(
        INTERVAL '0',
        ((local AT TIME ZONE {timezone}) - INTERVAL '1 microsecond') AT TIME ZONE {timezone}
        + INTERVAL '1 microsecond' - local
    );
CREATE OR REPLACE FUNCTION kpi_day(at timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN kpi_midnight(date_trunc('day', at AT TIME ZONE {timezone}));
CREATE OR REPLACE FUNCTION kpi_day_after(day timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN kpi_midnight(date_trunc('day', day AT TIME ZONE {timezone}) + INTERVAL '1 day');
CREATE OR REPLACE FUNCTION kpi_average(total numeric, points bigint) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce((total / nullif(points, 0))::double precision, 0);

-- name: create_triggers#
-- A table that was there before may let rows in that lack something: they count for nothing.
CREATE OR REPLACE FUNCTION kpi_note_touched() RETURNS trigger
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO kpi_dirty
    SELECT DISTINCT kpi_code, kpi_minute("timestamp") FROM touched
    WHERE kpi_code IS NOT NULL AND "timestamp" IS NOT NULL;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION kpi_note_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO kpi_dirty
    SELECT kpi_code, kpi_minute("timestamp") FROM was
    WHERE kpi_code IS NOT NULL AND "timestamp" IS NOT NULL
    UNION
    SELECT kpi_code, kpi_minute("timestamp") FROM touched
    WHERE kpi_code IS NOT NULL AND "timestamp" IS NOT NULL;
    RETURN NULL;
END $$;
-- DELETE, because TRUNCATE would wait for readers of the views who wait for the raw table.
CREATE OR REPLACE FUNCTION kpi_note_truncated() RETURNS trigger
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM kpi_dirty;
    DELETE FROM kpi_dirty_hour;
    DELETE FROM kpi_dirty_day;
    DELETE FROM kpi_rollup_minute;
    DELETE FROM kpi_rollup_hour;
    DELETE FROM kpi_rollup_day;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER kpi_note_inserted AFTER INSERT ON kpi_raw_data
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION kpi_note_touched();
CREATE OR REPLACE TRIGGER kpi_note_deleted AFTER DELETE ON kpi_raw_data
    REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION kpi_note_touched();
CREATE OR REPLACE TRIGGER kpi_note_updated AFTER UPDATE ON kpi_raw_data
    REFERENCING OLD TABLE AS was NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION kpi_note_changed();
CREATE OR REPLACE TRIGGER kpi_note_truncated AFTER TRUNCATE ON kpi_raw_data
    FOR EACH STATEMENT EXECUTE FUNCTION kpi_note_truncated();

-- name: create_minute_view#
-- Sums are kept exact: the shortest decimal of each double, added as numeric. A float sum depends
-- on the order of the rows, and a difference in its last digit would look like a correction.
CREATE OR REPLACE VIEW kpi_values_minute AS
SELECT
    r.bucket, r.kpi_code, r.avg_value, r.data_points, r.min_value, r.max_value, r.sum_value,
    r.last_value
FROM kpi_rollup_minute AS r
WHERE NOT EXISTS (
    SELECT FROM kpi_dirty AS d WHERE d.kpi_code = r.kpi_code AND d.bucket = r.bucket
)
UNION ALL
SELECT
    d.bucket, d.kpi_code, kpi_average(m.sum_value, m.data_points),
    m.data_points, m.min_value, m.max_value, m.sum_value, m.last_value
FROM (SELECT DISTINCT kpi_code, bucket FROM kpi_dirty) AS d
CROSS JOIN LATERAL (
    SELECT
        count(*) AS data_points, min(value) AS min_value, max(value) AS max_value,
        sum(value::text::numeric) AS sum_value,
        (max(ARRAY[extract(epoch FROM "timestamp")::double precision, value]))[2] AS last_value
    FROM kpi_raw_data AS raw
    WHERE raw.kpi_code = d.kpi_code
        AND raw."timestamp" >= d.bucket AND raw."timestamp" < d.bucket + INTERVAL '1 minute'
        AND value IS NOT NULL
) AS m
WHERE m.data_points > 0;

-- name: create_refresh_minutes#
-- Makes the minutes clean that are over and whose log entries lie in the blocks of the log from
-- first_block to before next_block. Returns how many entries that were, NULL when somebody else is
-- at it. The log is read by blocks because whatever else it were read by, it would be read from its
-- beginning, past all entries that were taken already.
CREATE OR REPLACE FUNCTION kpi_refresh_minutes(first_block bigint, next_block bigint)
    RETURNS bigint
    LANGUAGE plpgsql SET search_path FROM CURRENT SET extra_float_digits = 1 AS $$
DECLARE
    first_place tid = format('(%s,0)', first_block)::tid;
    next_place tid = format('(%s,0)', next_block)::tid;
    codes text[];
    minutes timestamptz[];
    taken bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(5784203002) THEN
        RETURN NULL;
    END IF;
    -- In the order of whoever truncates the raw rows: these first, what follows from them after.
    LOCK TABLE kpi_raw_data IN ACCESS SHARE MODE;
    WITH gone AS (
        DELETE FROM kpi_dirty
        WHERE ctid >= first_place AND ctid < next_place AND bucket < kpi_minute(now())
        RETURNING kpi_code, bucket
    ), keys AS (
        SELECT kpi_code, bucket, count(*) AS entries FROM gone GROUP BY kpi_code, bucket
    )
    SELECT
        array_agg(kpi_code ORDER BY kpi_code, bucket),
        array_agg(bucket ORDER BY kpi_code, bucket),
        coalesce(sum(entries), 0)
    INTO codes, minutes, taken FROM keys;
    IF taken = 0 THEN
        RETURN 0;
    END IF;

    -- Each statement sees what was committed before it: no log entry was taken above whose rows
    -- are not seen here.
    WITH fresh AS MATERIALIZED (
        SELECT
            k.kpi_code, k.bucket, m.data_points, m.min_value, m.max_value, m.sum_value,
            m.last_value,
            m.data_points - coalesce(was.data_points, 0) AS more_points,
            m.sum_value - coalesce(was.sum_value, 0) AS more_sum,
            was.data_points IS NULL OR (
                m.min_value <= was.min_value AND m.max_value >= was.max_value
                -- The digits of an average follow those of its sum.
                AND scale(m.sum_value) >= scale(was.sum_value)
            ) AS adds
        FROM unnest(codes, minutes) AS k (kpi_code, bucket)
        CROSS JOIN LATERAL (
            SELECT
                count(*) AS data_points, min(value) AS min_value, max(value) AS max_value,
                sum(value::text::numeric) AS sum_value,
                (max(ARRAY[extract(epoch FROM "timestamp")::double precision, value]))[2] AS last_value
            FROM kpi_raw_data AS raw
            WHERE raw.kpi_code = k.kpi_code
                AND raw."timestamp" >= k.bucket AND raw."timestamp" < k.bucket + INTERVAL '1 minute'
                AND value IS NOT NULL
        ) AS m
        LEFT JOIN kpi_rollup_minute AS was ON was.kpi_code = k.kpi_code AND was.bucket = k.bucket
        WHERE m.data_points > 0 OR was.data_points IS NOT NULL
    ), gone AS (
        DELETE FROM kpi_rollup_minute AS r USING fresh AS f
        WHERE f.data_points = 0 AND r.kpi_code = f.kpi_code AND r.bucket = f.bucket
    ), kept AS (
        INSERT INTO kpi_rollup_minute AS r
        SELECT
            kpi_code, bucket, kpi_average(sum_value, data_points),
            data_points, min_value, max_value, sum_value, last_value, bucket
        FROM fresh WHERE data_points > 0
        ORDER BY kpi_code, bucket
        ON CONFLICT (kpi_code, bucket) DO UPDATE SET
            avg_value = excluded.avg_value, data_points = excluded.data_points,
            min_value = excluded.min_value, max_value = excluded.max_value,
            sum_value = excluded.sum_value, last_value = excluded.last_value,
            last_minute = excluded.last_minute
    ), added AS (
        SELECT kpi_code, bucket, more_points, min_value, max_value, more_sum, last_value
        FROM fresh WHERE data_points > 0 AND adds
    ), shrunk AS (
        SELECT kpi_code, bucket FROM fresh WHERE data_points = 0 OR adds IS NOT TRUE
    ), dirty_hours AS (
        INSERT INTO kpi_dirty_hour
        SELECT DISTINCT kpi_code, kpi_hour(bucket) FROM shrunk
        ON CONFLICT DO NOTHING
    ), dirty_days AS (
        INSERT INTO kpi_dirty_day
        SELECT DISTINCT kpi_code, kpi_day(bucket) FROM shrunk
        ON CONFLICT DO NOTHING
    ), hours AS (
        INSERT INTO kpi_rollup_hour AS r
        SELECT
            kpi_code, kpi_hour(bucket) AS bucket,
            kpi_average(sum(more_sum), sum(more_points)::bigint),
            sum(more_points)::bigint, min(min_value), max(max_value), sum(more_sum),
            (max(ARRAY[extract(epoch FROM bucket)::double precision, last_value]))[2], max(bucket)
        FROM added GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (kpi_code, bucket) DO UPDATE SET
            avg_value = kpi_average(
                r.sum_value + excluded.sum_value, r.data_points + excluded.data_points
            ),
            data_points = r.data_points + excluded.data_points,
            min_value = least(r.min_value, excluded.min_value),
            max_value = greatest(r.max_value, excluded.max_value),
            sum_value = r.sum_value + excluded.sum_value,
            last_value = CASE
                WHEN r.last_minute > excluded.last_minute THEN r.last_value
                ELSE excluded.last_value
            END,
            last_minute = greatest(r.last_minute, excluded.last_minute)
    )
    INSERT INTO kpi_rollup_day AS r
    SELECT
        kpi_code, kpi_day(bucket) AS bucket,
        kpi_average(sum(more_sum), sum(more_points)::bigint),
        sum(more_points)::bigint, min(min_value), max(max_value), sum(more_sum),
        (max(ARRAY[extract(epoch FROM bucket)::double precision, last_value]))[2], max(bucket)
    FROM added GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (kpi_code, bucket) DO UPDATE SET
        avg_value = kpi_average(
            r.sum_value + excluded.sum_value, r.data_points + excluded.data_points
        ),
        data_points = r.data_points + excluded.data_points,
        min_value = least(r.min_value, excluded.min_value),
        max_value = greatest(r.max_value, excluded.max_value),
        sum_value = r.sum_value + excluded.sum_value,
        last_value = CASE
            WHEN r.last_minute > excluded.last_minute THEN r.last_value
            ELSE excluded.last_value
        END,
        last_minute = greatest(r.last_minute, excluded.last_minute);
    RETURN taken;
END $$;

-- name: note_all_days#
-- The rollup of days is of another time zone: forget it, and have each day summed up anew. Readers
-- wait, so that none sees days of both.
LOCK TABLE kpi_rollup_day IN ACCESS EXCLUSIVE MODE;
DELETE FROM kpi_dirty_day;
DELETE FROM kpi_rollup_day;
INSERT INTO kpi_dirty_day
SELECT DISTINCT kpi_code, kpi_day(bucket) FROM kpi_rollup_minute;

-- name: note_everything!
-- Rows that were there before the triggers.
INSERT INTO kpi_dirty
SELECT DISTINCT kpi_code, kpi_minute("timestamp") FROM kpi_raw_data
WHERE kpi_code IS NOT NULL AND "timestamp" IS NOT NULL;

-- name: lock_rollups$
SELECT pg_advisory_xact_lock(5784203002);

-- name: has_rollups$
SELECT to_regprocedure('kpi_refresh_minutes(bigint, bigint)') IS NOT NULL;

-- name: pending^
-- How much there is to do; blocks is the length of the log.
SELECT
    pg_relation_size('kpi_dirty') / current_setting('block_size')::bigint AS blocks,
    EXISTS (SELECT FROM kpi_dirty_hour) AS hours,
    EXISTS (SELECT FROM kpi_dirty_day) AS days;

-- name: refresh_minutes$
SELECT kpi_refresh_minutes(:first_block, :next_block);

-- name: refresh_hours$
SELECT kpi_refresh_hours(:most);

-- name: refresh_days$
SELECT kpi_refresh_days(:most);

-- name: shrink_log!
-- Gives the log's space back, and with it the time that reading past taken entries costs.
VACUUM (SKIP_LOCKED) kpi_dirty;
