-- Hours and days on plain PostgreSQL: the same twice, {period} being hour or day.

-- name: create_view#
CREATE OR REPLACE VIEW kpi_values_{period} AS
SELECT
    r.bucket, r.kpi_code, r.avg_value, r.data_points, r.min_value, r.max_value, r.sum_value,
    r.last_value
FROM kpi_rollup_{period} AS r
WHERE NOT EXISTS (
    SELECT FROM kpi_dirty_{period} AS d WHERE d.kpi_code = r.kpi_code AND d.bucket = r.bucket
)
AND NOT EXISTS (
    SELECT FROM kpi_dirty AS d
    WHERE d.kpi_code = r.kpi_code
        AND d.bucket >= r.bucket AND d.bucket < kpi_{period}_after(r.bucket)
)
UNION ALL
SELECT
    d.bucket, d.kpi_code, kpi_average(m.sum_value, m.data_points),
    m.data_points, m.min_value, m.max_value, m.sum_value, m.last_value
FROM (
    SELECT kpi_code, bucket FROM kpi_dirty_{period}
    UNION
    SELECT kpi_code, kpi_{period}(bucket) FROM kpi_dirty
) AS d
CROSS JOIN LATERAL (
    SELECT
        sum(data_points)::bigint AS data_points, min(min_value) AS min_value,
        max(max_value) AS max_value, sum(sum_value) AS sum_value,
        (max(ARRAY[extract(epoch FROM bucket)::double precision, last_value]))[2] AS last_value
    FROM kpi_values_minute AS m
    WHERE m.kpi_code = d.kpi_code
        AND m.bucket >= d.bucket AND m.bucket < kpi_{period}_after(d.bucket)
) AS m
WHERE m.data_points > 0;

-- name: create_refresh#
-- Sums up to `most` dirty {period}s from their minutes, and returns how many, NULL when somebody
-- else is at it. A minute that is dirty itself keeps its {period} dirty as well.
CREATE OR REPLACE FUNCTION kpi_refresh_{period}s(most bigint) RETURNS bigint
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
        DELETE FROM kpi_dirty_{period} AS d
        USING (SELECT kpi_code, bucket FROM kpi_dirty_{period} LIMIT most) AS k
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
                max(max_value) AS max_value, sum(sum_value) AS sum_value,
                (max(ARRAY[extract(epoch FROM bucket)::double precision, last_value]))[2] AS last_value,
                max(bucket) AS last_minute
            FROM kpi_rollup_minute AS m
            WHERE m.kpi_code = k.kpi_code
                AND m.bucket >= k.bucket AND m.bucket < kpi_{period}_after(k.bucket)
        ) AS m
    ), gone AS (
        DELETE FROM kpi_rollup_{period} AS r USING fresh AS f
        WHERE f.data_points IS NULL AND r.kpi_code = f.kpi_code AND r.bucket = f.bucket
    )
    INSERT INTO kpi_rollup_{period} AS r
    SELECT
        kpi_code, bucket, kpi_average(sum_value, data_points),
        data_points, min_value, max_value, sum_value, last_value, last_minute
    FROM fresh WHERE data_points > 0
    ORDER BY kpi_code, bucket
    ON CONFLICT (kpi_code, bucket) DO UPDATE SET
        avg_value = excluded.avg_value, data_points = excluded.data_points,
        min_value = excluded.min_value, max_value = excluded.max_value,
        sum_value = excluded.sum_value, last_value = excluded.last_value,
        last_minute = excluded.last_minute;
    RETURN coalesce(cardinality(codes), 0);
END $$;
