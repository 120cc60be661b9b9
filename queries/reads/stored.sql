-- The buckets of a view, with NULL for the columns that it lacks: a name that the view does not have
-- means the one outside.
SELECT held.*
FROM (
    SELECT
        NULL::bigint AS data_points,
        NULL::double precision AS min_value,
        NULL::double precision AS max_value,
        NULL::numeric AS sum_value,
        NULL::double precision AS last_value
) AS absent
CROSS JOIN LATERAL (
    SELECT
        kpi_code::text AS kpi_code,
        bucket,
        extract(epoch FROM bucket)::bigint AS start,
        avg_value::double precision AS average,
        data_points::bigint AS points,
        min_value::double precision AS minimum,
        max_value::double precision AS maximum,
        coalesce(sum_value::numeric, avg_value::text::numeric * data_points) AS total,
        last_value::double precision AS last
    FROM {view}
    WHERE bucket >= coalesce(
            to_timestamp(:first::bigint), {until} - :depth::integer * :step::interval
        )
        AND bucket < least(
            to_timestamp(:until::bigint), {until} + :ahead::integer * :step::interval
        )
) AS held
