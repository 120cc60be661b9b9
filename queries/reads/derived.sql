-- The buckets of a period that is computed from the shorter ones of a view.
SELECT
    kpi_code,
    extract(epoch FROM start_of)::bigint AS start,
    (sum(total) / sum(points))::double precision AS average,
    sum(points)::bigint AS points,
    min(minimum) AS minimum,
    max(maximum) AS maximum,
    sum(total) AS total,
    -- Of the latest one; an array is compared by its first element.
    (max(ARRAY[extract(epoch FROM bucket)::double precision, last]))[2] AS last
FROM (
    SELECT
        *,
        CASE
            WHEN :zone::text IS NULL THEN date_bin(:step::interval, bucket, '1970-01-01T00:00:00Z')
            ELSE date_trunc(:unit::text, bucket, :zone::text)
        END AS start_of
    FROM ({stored}) AS shorter
) AS placed
GROUP BY kpi_code, start_of
