-- Plain PostgreSQL's side of the schema: rollups that are right at any moment.
--
-- Each view is the rollup for clean buckets and the raw rows for dirty ones. Writers only append
-- to the log of dirty buckets, so that two who write the same minute do not wait for each other;
-- kpi_refresh() takes what it sees of the log and makes those buckets clean.
-- :timezone is replaced by the business's time zone as a literal before a statement runs.

-- name: create_rollups#
CREATE TABLE IF NOT EXISTS kpi_rollup_minute (
    kpi_code text NOT NULL,
    bucket timestamptz NOT NULL,
    data_points bigint NOT NULL,
    min_value double precision NOT NULL,
    max_value double precision NOT NULL,
    sum_value numeric NOT NULL,
    PRIMARY KEY (kpi_code, bucket)
);
CREATE INDEX IF NOT EXISTS kpi_rollup_minute_bucket ON kpi_rollup_minute (bucket);
CREATE TABLE IF NOT EXISTS kpi_rollup_hour (
    LIKE kpi_rollup_minute INCLUDING INDEXES
);
CREATE TABLE IF NOT EXISTS kpi_rollup_day (
    LIKE kpi_rollup_minute INCLUDING INDEXES
);
CREATE TABLE IF NOT EXISTS kpi_dirty (
    kpi_code text NOT NULL,
    bucket timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS kpi_dirty_kpi_code_bucket ON kpi_dirty (kpi_code, bucket);

-- name: create_day_function#
CREATE OR REPLACE FUNCTION kpi_day(at timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN date_trunc('day', at, :timezone);
CREATE OR REPLACE FUNCTION kpi_day_after(day timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((day AT TIME ZONE :timezone) + INTERVAL '1 day') AT TIME ZONE :timezone;

-- name: create_triggers#
CREATE OR REPLACE FUNCTION kpi_note_touched() RETURNS trigger
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO kpi_dirty
    SELECT DISTINCT kpi_code, date_trunc('minute', "timestamp", 'UTC') FROM touched;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION kpi_note_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO kpi_dirty
    SELECT kpi_code, date_trunc('minute', "timestamp", 'UTC') FROM was
    UNION
    SELECT kpi_code, date_trunc('minute', "timestamp", 'UTC') FROM touched;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION kpi_note_truncated() RETURNS trigger
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    TRUNCATE kpi_dirty, kpi_rollup_minute, kpi_rollup_hour, kpi_rollup_day;
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

-- name: create_views#
-- Sums are kept exact: the shortest decimal of each double, added as numeric. A float sum depends
-- on the order of the rows, and a difference in its last digit would look like a correction.
CREATE OR REPLACE VIEW kpi_values_minute AS
SELECT
    r.bucket, r.kpi_code, (r.sum_value / r.data_points)::double precision AS avg_value,
    r.data_points, r.min_value, r.max_value, r.sum_value
FROM kpi_rollup_minute AS r
WHERE NOT EXISTS (
    SELECT FROM kpi_dirty AS d WHERE d.kpi_code = r.kpi_code AND d.bucket = r.bucket
)
UNION ALL
SELECT
    d.bucket, d.kpi_code, (m.sum_value / m.data_points)::double precision,
    m.data_points, m.min_value, m.max_value, m.sum_value
FROM (SELECT DISTINCT kpi_code, bucket FROM kpi_dirty) AS d
CROSS JOIN LATERAL (
    SELECT
        count(*) AS data_points, min(value) AS min_value, max(value) AS max_value,
        sum(value::text::numeric) AS sum_value
    FROM kpi_raw_data AS raw
    WHERE raw.kpi_code = d.kpi_code
        AND raw."timestamp" >= d.bucket AND raw."timestamp" < d.bucket + INTERVAL '1 minute'
) AS m
WHERE m.data_points > 0;

CREATE OR REPLACE VIEW kpi_values_hour AS
SELECT
    r.bucket, r.kpi_code, (r.sum_value / r.data_points)::double precision AS avg_value,
    r.data_points, r.min_value, r.max_value, r.sum_value
FROM kpi_rollup_hour AS r
WHERE NOT EXISTS (
    SELECT FROM kpi_dirty AS d
    WHERE d.kpi_code = r.kpi_code
        AND d.bucket >= r.bucket AND d.bucket < r.bucket + INTERVAL '1 hour'
)
UNION ALL
SELECT
    d.bucket, d.kpi_code, (h.sum_value / h.data_points)::double precision,
    h.data_points, h.min_value, h.max_value, h.sum_value
FROM (
    SELECT DISTINCT kpi_code, date_trunc('hour', bucket, 'UTC') AS bucket FROM kpi_dirty
) AS d
CROSS JOIN LATERAL (
    SELECT
        sum(data_points)::bigint AS data_points, min(min_value) AS min_value,
        max(max_value) AS max_value, sum(sum_value) AS sum_value
    FROM kpi_values_minute AS m
    WHERE m.kpi_code = d.kpi_code
        AND m.bucket >= d.bucket AND m.bucket < d.bucket + INTERVAL '1 hour'
) AS h
WHERE h.data_points > 0;

CREATE OR REPLACE VIEW kpi_values_day AS
SELECT
    r.bucket, r.kpi_code, (r.sum_value / r.data_points)::double precision AS avg_value,
    r.data_points, r.min_value, r.max_value, r.sum_value
FROM kpi_rollup_day AS r
WHERE NOT EXISTS (
    SELECT FROM kpi_dirty AS d
    WHERE d.kpi_code = r.kpi_code
        AND d.bucket >= r.bucket AND d.bucket < kpi_day_after(r.bucket)
)
UNION ALL
SELECT
    d.bucket, d.kpi_code, (h.sum_value / h.data_points)::double precision,
    h.data_points, h.min_value, h.max_value, h.sum_value
FROM (SELECT DISTINCT kpi_code, kpi_day(bucket) AS bucket FROM kpi_dirty) AS d
CROSS JOIN LATERAL (
    SELECT
        sum(data_points)::bigint AS data_points, min(min_value) AS min_value,
        max(max_value) AS max_value, sum(sum_value) AS sum_value
    FROM kpi_values_minute AS m
    WHERE m.kpi_code = d.kpi_code
        AND m.bucket >= d.bucket AND m.bucket < kpi_day_after(d.bucket)
) AS h
WHERE h.data_points > 0;

-- name: create_refresh#
-- Makes up to `most` entries' buckets clean and returns how many entries it took: 0 when the log
-- was empty, NULL when another process is at it.
CREATE OR REPLACE FUNCTION kpi_refresh(most integer) RETURNS integer
    LANGUAGE plpgsql SET search_path FROM CURRENT SET extra_float_digits = 1 AS $$
DECLARE
    codes text[];
    minutes timestamptz[];
    taken integer;
BEGIN
    IF NOT pg_try_advisory_xact_lock(5784203002) THEN
        RETURN NULL;
    END IF;
    WITH gone AS (
        DELETE FROM kpi_dirty
        WHERE ctid = ANY (ARRAY(SELECT ctid FROM kpi_dirty LIMIT most))
        RETURNING kpi_code, bucket
    ), keys AS (
        SELECT kpi_code, bucket, count(*) AS entries FROM gone GROUP BY kpi_code, bucket
    )
    SELECT array_agg(kpi_code), array_agg(bucket), coalesce(sum(entries), 0)
    INTO codes, minutes, taken FROM keys;
    IF taken = 0 THEN
        RETURN 0;
    END IF;

    WITH keys AS (
        SELECT * FROM unnest(codes, minutes) AS k (kpi_code, bucket)
    ), gone AS (
        DELETE FROM kpi_rollup_minute AS r USING keys AS k
        WHERE r.kpi_code = k.kpi_code AND r.bucket = k.bucket AND NOT EXISTS (
            SELECT FROM kpi_raw_data AS raw
            WHERE raw.kpi_code = k.kpi_code AND raw."timestamp" >= k.bucket
                AND raw."timestamp" < k.bucket + INTERVAL '1 minute'
        )
    )
    INSERT INTO kpi_rollup_minute AS r
    SELECT k.kpi_code, k.bucket, m.*
    FROM keys AS k CROSS JOIN LATERAL (
        SELECT count(*) AS data_points, min(value), max(value), sum(value::text::numeric)
        FROM kpi_raw_data AS raw
        WHERE raw.kpi_code = k.kpi_code AND raw."timestamp" >= k.bucket
            AND raw."timestamp" < k.bucket + INTERVAL '1 minute'
    ) AS m
    WHERE m.data_points > 0
    ORDER BY k.kpi_code, k.bucket
    ON CONFLICT (kpi_code, bucket) DO UPDATE SET
        data_points = excluded.data_points, min_value = excluded.min_value,
        max_value = excluded.max_value, sum_value = excluded.sum_value;

    WITH keys AS (
        SELECT DISTINCT kpi_code, date_trunc('hour', bucket, 'UTC') AS bucket
        FROM unnest(codes, minutes) AS k (kpi_code, bucket)
    ), fresh AS (
        SELECT k.kpi_code, k.bucket, h.*
        FROM keys AS k CROSS JOIN LATERAL (
            SELECT
                sum(data_points)::bigint AS data_points, min(min_value) AS min_value,
                max(max_value) AS max_value, sum(sum_value) AS sum_value
            FROM kpi_rollup_minute AS m
            WHERE m.kpi_code = k.kpi_code
                AND m.bucket >= k.bucket AND m.bucket < k.bucket + INTERVAL '1 hour'
        ) AS h
    ), gone AS (
        DELETE FROM kpi_rollup_hour AS r USING fresh AS f
        WHERE f.data_points IS NULL AND r.kpi_code = f.kpi_code AND r.bucket = f.bucket
    )
    INSERT INTO kpi_rollup_hour AS r
    SELECT * FROM fresh WHERE data_points > 0 ORDER BY kpi_code, bucket
    ON CONFLICT (kpi_code, bucket) DO UPDATE SET
        data_points = excluded.data_points, min_value = excluded.min_value,
        max_value = excluded.max_value, sum_value = excluded.sum_value;

    WITH keys AS (
        SELECT DISTINCT kpi_code, kpi_day(bucket) AS bucket
        FROM unnest(codes, minutes) AS k (kpi_code, bucket)
    ), fresh AS (
        SELECT k.kpi_code, k.bucket, d.*
        FROM keys AS k CROSS JOIN LATERAL (
            SELECT
                sum(data_points)::bigint AS data_points, min(min_value) AS min_value,
                max(max_value) AS max_value, sum(sum_value) AS sum_value
            FROM kpi_rollup_minute AS m
            WHERE m.kpi_code = k.kpi_code
                AND m.bucket >= k.bucket AND m.bucket < kpi_day_after(k.bucket)
        ) AS d
    ), gone AS (
        DELETE FROM kpi_rollup_day AS r USING fresh AS f
        WHERE f.data_points IS NULL AND r.kpi_code = f.kpi_code AND r.bucket = f.bucket
    )
    INSERT INTO kpi_rollup_day AS r
    SELECT * FROM fresh WHERE data_points > 0 ORDER BY kpi_code, bucket
    ON CONFLICT (kpi_code, bucket) DO UPDATE SET
        data_points = excluded.data_points, min_value = excluded.min_value,
        max_value = excluded.max_value, sum_value = excluded.sum_value;

    RETURN taken;
END $$;

-- name: drop_days#
-- The rollup of days is of another time zone: forget it, and have each day made anew.
TRUNCATE kpi_rollup_day;
INSERT INTO kpi_dirty SELECT kpi_code, bucket FROM kpi_rollup_minute;

-- name: note_everything!
-- Rows that were there before the triggers.
INSERT INTO kpi_dirty
SELECT DISTINCT kpi_code, date_trunc('minute', "timestamp", 'UTC') FROM kpi_raw_data;

-- name: has_triggers$
SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass('kpi_raw_data')
    AND tgname = 'kpi_note_inserted');

-- name: refresh$
SELECT kpi_refresh(:most);
