-- What `db init` of the first release (commit 7e01c3e) made on plain PostgreSQL, days in UTC.

CREATE TABLE IF NOT EXISTS kpi_catalog (
    code text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9_.-]{1,64}$'),
    name text,
    unit text,
    decimals smallint CHECK (decimals BETWEEN 0 AND 15),
    direction text CHECK (direction IN ('up', 'down')),
    target double precision,
    simulated boolean NOT NULL DEFAULT false
);

CREATE TABLE IF NOT EXISTS kpi_raw_data (
    "timestamp" timestamptz NOT NULL
        CHECK ("timestamp" BETWEEN '1900-01-01T00:00:00Z' AND '9000-01-01T00:00:00Z'),
    kpi_code text NOT NULL CHECK (kpi_code ~ '^[A-Za-z0-9_.-]{1,64}$'),
    value double precision NOT NULL
        CHECK (value = 0 OR abs(value) BETWEEN 1e-290 AND 1e290)
);

CREATE INDEX IF NOT EXISTS kpi_raw_data_kpi_code_timestamp
    ON kpi_raw_data (kpi_code, "timestamp" DESC);

CREATE TABLE IF NOT EXISTS kpi_facts (
    name text PRIMARY KEY,
    value text NOT NULL
);

CREATE TABLE IF NOT EXISTS kpi_rollup_minute (
    kpi_code text NOT NULL,
    bucket timestamptz NOT NULL,
    avg_value double precision NOT NULL,
    data_points bigint NOT NULL,
    min_value double precision NOT NULL,
    max_value double precision NOT NULL,
    sum_value numeric NOT NULL,
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

CREATE OR REPLACE FUNCTION kpi_minute(at timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN date_trunc('minute', at, 'UTC');
CREATE OR REPLACE FUNCTION kpi_hour(at timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN date_trunc('hour', at, 'UTC');
CREATE OR REPLACE FUNCTION kpi_hour_after(hour timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN hour + INTERVAL '1 hour';
CREATE OR REPLACE FUNCTION kpi_midnight(local timestamp) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (local AT TIME ZONE 'UTC') - greatest(
        INTERVAL '0',
        ((local AT TIME ZONE 'UTC') - INTERVAL '1 microsecond') AT TIME ZONE 'UTC'
        + INTERVAL '1 microsecond' - local
    );
CREATE OR REPLACE FUNCTION kpi_day(at timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN kpi_midnight(date_trunc('day', at AT TIME ZONE 'UTC'));
CREATE OR REPLACE FUNCTION kpi_day_after(day timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN kpi_midnight(date_trunc('day', day AT TIME ZONE 'UTC') + INTERVAL '1 day');
CREATE OR REPLACE FUNCTION kpi_average(total numeric, points bigint) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce((total / nullif(points, 0))::double precision, 0);

CREATE OR REPLACE FUNCTION kpi_note_touched() RETURNS trigger
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO kpi_dirty
    SELECT DISTINCT kpi_code, kpi_minute("timestamp") FROM touched;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION kpi_note_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO kpi_dirty
    SELECT kpi_code, kpi_minute("timestamp") FROM was
    UNION
    SELECT kpi_code, kpi_minute("timestamp") FROM touched;
    RETURN NULL;
END $$;
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

CREATE OR REPLACE VIEW kpi_values_minute AS
SELECT r.bucket, r.kpi_code, r.avg_value, r.data_points, r.min_value, r.max_value, r.sum_value
FROM kpi_rollup_minute AS r
WHERE NOT EXISTS (
    SELECT FROM kpi_dirty AS d WHERE d.kpi_code = r.kpi_code AND d.bucket = r.bucket
)
UNION ALL
SELECT
    d.bucket, d.kpi_code, kpi_average(m.sum_value, m.data_points),
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

    WITH fresh AS MATERIALIZED (
        SELECT
            k.kpi_code, k.bucket, m.data_points, m.min_value, m.max_value, m.sum_value,
            m.data_points - coalesce(was.data_points, 0) AS more_points,
            m.sum_value - coalesce(was.sum_value, 0) AS more_sum,
            was.data_points IS NULL OR (
                m.min_value <= was.min_value AND m.max_value >= was.max_value
                AND scale(m.sum_value) >= scale(was.sum_value)
            ) AS adds
        FROM unnest(codes, minutes) AS k (kpi_code, bucket)
        CROSS JOIN LATERAL (
            SELECT
                count(*) AS data_points, min(value) AS min_value, max(value) AS max_value,
                sum(value::text::numeric) AS sum_value
            FROM kpi_raw_data AS raw
            WHERE raw.kpi_code = k.kpi_code
                AND raw."timestamp" >= k.bucket AND raw."timestamp" < k.bucket + INTERVAL '1 minute'
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
            data_points, min_value, max_value, sum_value
        FROM fresh WHERE data_points > 0
        ORDER BY kpi_code, bucket
        ON CONFLICT (kpi_code, bucket) DO UPDATE SET
            avg_value = excluded.avg_value, data_points = excluded.data_points,
            min_value = excluded.min_value, max_value = excluded.max_value,
            sum_value = excluded.sum_value
    ), added AS (
        SELECT kpi_code, bucket, more_points, min_value, max_value, more_sum
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
            sum(more_points)::bigint, min(min_value), max(max_value), sum(more_sum)
        FROM added GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (kpi_code, bucket) DO UPDATE SET
            avg_value = kpi_average(
                r.sum_value + excluded.sum_value, r.data_points + excluded.data_points
            ),
            data_points = r.data_points + excluded.data_points,
            min_value = least(r.min_value, excluded.min_value),
            max_value = greatest(r.max_value, excluded.max_value),
            sum_value = r.sum_value + excluded.sum_value
    )
    INSERT INTO kpi_rollup_day AS r
    SELECT
        kpi_code, kpi_day(bucket) AS bucket,
        kpi_average(sum(more_sum), sum(more_points)::bigint),
        sum(more_points)::bigint, min(min_value), max(max_value), sum(more_sum)
    FROM added GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (kpi_code, bucket) DO UPDATE SET
        avg_value = kpi_average(
            r.sum_value + excluded.sum_value, r.data_points + excluded.data_points
        ),
        data_points = r.data_points + excluded.data_points,
        min_value = least(r.min_value, excluded.min_value),
        max_value = greatest(r.max_value, excluded.max_value),
        sum_value = r.sum_value + excluded.sum_value;
    RETURN taken;
END $$;

CREATE OR REPLACE VIEW kpi_values_hour AS
SELECT r.bucket, r.kpi_code, r.avg_value, r.data_points, r.min_value, r.max_value, r.sum_value
FROM kpi_rollup_hour AS r
WHERE NOT EXISTS (
    SELECT FROM kpi_dirty_hour AS d WHERE d.kpi_code = r.kpi_code AND d.bucket = r.bucket
)
AND NOT EXISTS (
    SELECT FROM kpi_dirty AS d
    WHERE d.kpi_code = r.kpi_code
        AND d.bucket >= r.bucket AND d.bucket < kpi_hour_after(r.bucket)
)
UNION ALL
SELECT
    d.bucket, d.kpi_code, kpi_average(m.sum_value, m.data_points),
    m.data_points, m.min_value, m.max_value, m.sum_value
FROM (
    SELECT kpi_code, bucket FROM kpi_dirty_hour
    UNION
    SELECT kpi_code, kpi_hour(bucket) FROM kpi_dirty
) AS d
CROSS JOIN LATERAL (
    SELECT
        sum(data_points)::bigint AS data_points, min(min_value) AS min_value,
        max(max_value) AS max_value, sum(sum_value) AS sum_value
    FROM kpi_values_minute AS m
    WHERE m.kpi_code = d.kpi_code
        AND m.bucket >= d.bucket AND m.bucket < kpi_hour_after(d.bucket)
) AS m
WHERE m.data_points > 0;

CREATE OR REPLACE FUNCTION kpi_refresh_hours(most bigint) RETURNS bigint
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    codes text[];
    buckets timestamptz[];
BEGIN
    IF NOT pg_try_advisory_xact_lock(5784203002) THEN
        RETURN NULL;
    END IF;
    LOCK TABLE kpi_raw_data IN ACCESS SHARE MODE;
    WITH gone AS (
        DELETE FROM kpi_dirty_hour AS d
        USING (SELECT kpi_code, bucket FROM kpi_dirty_hour LIMIT most) AS k
        WHERE d.kpi_code = k.kpi_code AND d.bucket = k.bucket
        RETURNING d.kpi_code, d.bucket
    )
    SELECT
        array_agg(kpi_code ORDER BY kpi_code, bucket),
        array_agg(bucket ORDER BY kpi_code, bucket)
    INTO codes, buckets FROM gone;

    WITH fresh AS MATERIALIZED (
        SELECT k.kpi_code, k.bucket, m.*
        FROM unnest(codes, buckets) AS k (kpi_code, bucket)
        CROSS JOIN LATERAL (
            SELECT
                sum(data_points)::bigint AS data_points, min(min_value) AS min_value,
                max(max_value) AS max_value, sum(sum_value) AS sum_value
            FROM kpi_rollup_minute AS m
            WHERE m.kpi_code = k.kpi_code
                AND m.bucket >= k.bucket AND m.bucket < kpi_hour_after(k.bucket)
        ) AS m
    ), gone AS (
        DELETE FROM kpi_rollup_hour AS r USING fresh AS f
        WHERE f.data_points IS NULL AND r.kpi_code = f.kpi_code AND r.bucket = f.bucket
    )
    INSERT INTO kpi_rollup_hour AS r
    SELECT
        kpi_code, bucket, kpi_average(sum_value, data_points),
        data_points, min_value, max_value, sum_value
    FROM fresh WHERE data_points > 0
    ORDER BY kpi_code, bucket
    ON CONFLICT (kpi_code, bucket) DO UPDATE SET
        avg_value = excluded.avg_value, data_points = excluded.data_points,
        min_value = excluded.min_value, max_value = excluded.max_value,
        sum_value = excluded.sum_value;
    RETURN coalesce(cardinality(codes), 0);
END $$;

CREATE OR REPLACE VIEW kpi_values_day AS
SELECT r.bucket, r.kpi_code, r.avg_value, r.data_points, r.min_value, r.max_value, r.sum_value
FROM kpi_rollup_day AS r
WHERE NOT EXISTS (
    SELECT FROM kpi_dirty_day AS d WHERE d.kpi_code = r.kpi_code AND d.bucket = r.bucket
)
AND NOT EXISTS (
    SELECT FROM kpi_dirty AS d
    WHERE d.kpi_code = r.kpi_code
        AND d.bucket >= r.bucket AND d.bucket < kpi_day_after(r.bucket)
)
UNION ALL
SELECT
    d.bucket, d.kpi_code, kpi_average(m.sum_value, m.data_points),
    m.data_points, m.min_value, m.max_value, m.sum_value
FROM (
    SELECT kpi_code, bucket FROM kpi_dirty_day
    UNION
    SELECT kpi_code, kpi_day(bucket) FROM kpi_dirty
) AS d
CROSS JOIN LATERAL (
    SELECT
        sum(data_points)::bigint AS data_points, min(min_value) AS min_value,
        max(max_value) AS max_value, sum(sum_value) AS sum_value
    FROM kpi_values_minute AS m
    WHERE m.kpi_code = d.kpi_code
        AND m.bucket >= d.bucket AND m.bucket < kpi_day_after(d.bucket)
) AS m
WHERE m.data_points > 0;

CREATE OR REPLACE FUNCTION kpi_refresh_days(most bigint) RETURNS bigint
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    codes text[];
    buckets timestamptz[];
BEGIN
    IF NOT pg_try_advisory_xact_lock(5784203002) THEN
        RETURN NULL;
    END IF;
    LOCK TABLE kpi_raw_data IN ACCESS SHARE MODE;
    WITH gone AS (
        DELETE FROM kpi_dirty_day AS d
        USING (SELECT kpi_code, bucket FROM kpi_dirty_day LIMIT most) AS k
        WHERE d.kpi_code = k.kpi_code AND d.bucket = k.bucket
        RETURNING d.kpi_code, d.bucket
    )
    SELECT
        array_agg(kpi_code ORDER BY kpi_code, bucket),
        array_agg(bucket ORDER BY kpi_code, bucket)
    INTO codes, buckets FROM gone;

    WITH fresh AS MATERIALIZED (
        SELECT k.kpi_code, k.bucket, m.*
        FROM unnest(codes, buckets) AS k (kpi_code, bucket)
        CROSS JOIN LATERAL (
            SELECT
                sum(data_points)::bigint AS data_points, min(min_value) AS min_value,
                max(max_value) AS max_value, sum(sum_value) AS sum_value
            FROM kpi_rollup_minute AS m
            WHERE m.kpi_code = k.kpi_code
                AND m.bucket >= k.bucket AND m.bucket < kpi_day_after(k.bucket)
        ) AS m
    ), gone AS (
        DELETE FROM kpi_rollup_day AS r USING fresh AS f
        WHERE f.data_points IS NULL AND r.kpi_code = f.kpi_code AND r.bucket = f.bucket
    )
    INSERT INTO kpi_rollup_day AS r
    SELECT
        kpi_code, bucket, kpi_average(sum_value, data_points),
        data_points, min_value, max_value, sum_value
    FROM fresh WHERE data_points > 0
    ORDER BY kpi_code, bucket
    ON CONFLICT (kpi_code, bucket) DO UPDATE SET
        avg_value = excluded.avg_value, data_points = excluded.data_points,
        min_value = excluded.min_value, max_value = excluded.max_value,
        sum_value = excluded.sum_value;
    RETURN coalesce(cardinality(codes), 0);
END $$;

INSERT INTO kpi_facts VALUES ('timezone', 'UTC'), ('rollups', 'of the first release');
