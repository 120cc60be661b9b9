-- What `kpi-stream db check` asks of a database it has never seen. {view}, {period} and the like
-- are replaced before a statement runs. Each statement is bounded, in time and in what it looks at,
-- whatever the history.

-- name: bound_look#
SET LOCAL statement_timeout = {milliseconds};

-- name: relations
-- The table and the three views, those that are there: what each is and has. An aggregate of
-- TimescaleDB's is kind 'v' too; whoever may not read one still sees that it is there.
SELECT
    wanted AS name,
    c.relkind::text AS kind,
    (
        SELECT jsonb_object_agg(attname, format_type(atttypid, NULL)) FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
    )::text AS columns,
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS definition,
    c.relispopulated AS filled,
    has_table_privilege(c.oid, 'SELECT') AS readable
FROM unnest(
    ARRAY['kpi_raw_data', 'kpi_values_minute', 'kpi_values_hour', 'kpi_values_day']
) AS wanted
JOIN pg_class AS c ON c.oid = to_regclass(wanted);

-- name: clock^
SELECT
    extract(epoch FROM now())::double precision AS now,
    current_setting('extra_float_digits')::integer AS float_digits,
    quote_ident(current_database()) AS database,
    quote_ident(current_user) AS role;

-- name: misplaced^
-- A bucket that begins where none can.
SELECT bucket::timestamptz AS bucket FROM {view}
WHERE bucket > now() - {recent}
    AND bucket::timestamptz <> date_trunc('{period}', bucket::timestamptz, :zone)
LIMIT 1;

-- name: repeated^
SELECT bucket::timestamptz AS bucket, kpi_code::text AS kpi_code FROM {view}
WHERE bucket > now() - {recent} AND kpi_code IS NOT NULL
GROUP BY bucket, kpi_code
HAVING count(*) > 1
LIMIT 1;

-- name: odd_codes
-- Codes that no URL can have, none at all among them.
SELECT kpi_code::text AS code
FROM {view}
WHERE bucket > now() - {recent}
    AND (kpi_code IS NULL OR kpi_code::text !~ '^[A-Za-z0-9_.-]{1,64}$')
GROUP BY kpi_code
ORDER BY code NULLS FIRST
LIMIT 4;

-- name: newest_minute$
SELECT bucket::timestamptz FROM kpi_values_minute
WHERE bucket > now() - INTERVAL '1 day' AND bucket <= now()
LIMIT 1;

-- name: newest_day$
SELECT max(bucket)::timestamptz FROM kpi_values_day WHERE bucket <= now();

-- name: unlike_raw
-- Minutes of the last two hours whose numbers are not those of their raw rows, of some KPIs; the
-- first row says how many were compared. The newest minutes may still be changing. Both sides are
-- bounded and made once: joined freely, each row of one would be compared with all of the other. The
-- bounds are written out, so that the planner knows how few rows are between them.
WITH RECURSIVE codes (kpi_code) AS (
    -- From one to the next by the index, past all their rows.
    (SELECT kpi_code::text FROM kpi_raw_data ORDER BY kpi_code LIMIT 1)
    UNION ALL
    SELECT (
        SELECT r.kpi_code::text FROM kpi_raw_data AS r
        WHERE r.kpi_code > codes.kpi_code ORDER BY r.kpi_code LIMIT 1
    )
    FROM codes WHERE codes.kpi_code IS NOT NULL
), raw AS MATERIALIZED (
    SELECT
        date_trunc('minute', r."timestamp"::timestamptz, 'UTC') AS bucket,
        chosen.kpi_code,
        (sum(r.value::text::numeric) / count(*))::double precision AS avg_value,
        count(*) AS points, max(abs(r.value))::double precision AS scale
    FROM (SELECT kpi_code FROM codes WHERE kpi_code IS NOT NULL LIMIT 20) AS chosen
    JOIN kpi_raw_data AS r ON r.kpi_code = chosen.kpi_code
        AND r."timestamp" >= {first} AND r."timestamp" < {until}
    WHERE r.value BETWEEN -1e290 AND 1e290
    GROUP BY 1, 2
), said AS MATERIALIZED (
    SELECT
        bucket::timestamptz AS bucket, kpi_code::text AS kpi_code,
        avg_value::double precision AS avg_value, {points}::bigint AS points
    FROM kpi_values_minute AS v
    WHERE bucket >= {first} AND bucket < {until}
        AND kpi_code::text IN (SELECT kpi_code FROM raw)
), unlike AS (
    -- Put side by side by grouping: a join might compare each with all of the other.
    SELECT
        bucket, kpi_code, max(wanted) AS wanted, max(said) AS said
    FROM (
        SELECT bucket, kpi_code, avg_value AS wanted, points, scale, NULL AS said, NULL AS said_points
        FROM raw
        UNION ALL
        SELECT bucket, kpi_code, NULL, NULL, NULL, avg_value, points
        FROM said
    ) AS sides
    GROUP BY bucket, kpi_code
    HAVING max(points) > 0 AND (
        max(said) IS NULL
        OR abs(max(said) - max(wanted)) > {tolerance} * max(scale)
        OR max(said_points) <> max(points)
    )
)
SELECT
    (SELECT count(*) FROM raw) AS compared, bucket, kpi_code, wanted, said
FROM (SELECT) AS one
LEFT JOIN unlike ON true
ORDER BY bucket, kpi_code
LIMIT 100;

-- name: unlike_minutes
-- The same of the last complete hours or days, against the minutes they are made of.
WITH codes AS MATERIALIZED (
    SELECT DISTINCT v.kpi_code::text AS kpi_code FROM {view} AS v
    WHERE v.bucket >= {first} AND v.bucket < {until}
    ORDER BY 1
    LIMIT 20
), minutes AS MATERIALIZED (
    SELECT
        date_trunc('{period}', m.bucket::timestamptz, :zone) AS bucket,
        m.kpi_code::text AS kpi_code,
        (sum(m.avg_value::numeric * m.data_points::numeric) / nullif(sum(m.data_points), 0))
            ::double precision AS avg_value,
        sum(m.data_points)::bigint AS points,
        max(abs(m.avg_value::double precision)) AS scale
    FROM kpi_values_minute AS m
    WHERE m.bucket >= {first} AND m.bucket < {until}
        AND m.kpi_code::text IN (SELECT kpi_code FROM codes)
        AND m.avg_value BETWEEN -1e290 AND 1e290
    GROUP BY 1, 2
), said AS MATERIALIZED (
    SELECT
        bucket::timestamptz AS bucket, kpi_code::text AS kpi_code,
        avg_value::double precision AS avg_value, {points}::bigint AS points
    FROM {view} AS v
    WHERE bucket >= {first} AND bucket < {until}
        AND kpi_code::text IN (SELECT kpi_code FROM codes)
), unlike AS (
    -- Put side by side by grouping: a join might compare each with all of the other.
    SELECT
        bucket, kpi_code, max(wanted) AS wanted, max(said) AS said
    FROM (
        SELECT bucket, kpi_code, avg_value AS wanted, points, scale, NULL AS said, NULL AS said_points
        FROM minutes
        UNION ALL
        SELECT bucket, kpi_code, NULL, NULL, NULL, avg_value, points
        FROM said
    ) AS sides
    GROUP BY bucket, kpi_code
    HAVING max(points) > 0 AND (
        max(said) IS NULL
        OR abs(max(said) - max(wanted)) > {tolerance} * max(scale)
        OR max(said_points) <> max(points)
    )
)
SELECT
    (SELECT count(*) FROM minutes) AS compared, bucket, kpi_code, wanted, said
FROM (SELECT) AS one
LEFT JOIN unlike ON true
ORDER BY bucket, kpi_code
LIMIT 100;

-- name: raw_guards^
-- Whether the raw table keeps NaN, infinities and NULL out, and has an index to find rows by.
SELECT
    EXISTS (
        SELECT FROM pg_constraint AS c
        JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
        WHERE c.conrelid = to_regclass('kpi_raw_data') AND c.contype = 'c' AND a.attname = 'value'
    ) AS finite,
    (
        SELECT count(*) FROM pg_attribute
        WHERE attrelid = to_regclass('kpi_raw_data') AND attnotnull
            AND attname IN ('timestamp', 'kpi_code', 'value')
    ) = 3 AS filled,
    EXISTS (
        SELECT FROM pg_index AS i
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = to_regclass('kpi_raw_data') AND a.attname IN ('kpi_code', 'timestamp')
    ) AS indexed;

-- name: has_rollups$
SELECT to_regclass('kpi_rollup_minute') IS NOT NULL AND to_regclass('kpi_dirty') IS NOT NULL;

-- name: rollup_rights^
-- What a role needs to keep the rollups, and the size of the log that grows without, in kilobytes.
SELECT
    bool_and(has_table_privilege(to_regclass(wanted), needed)) AS may_keep,
    pg_relation_size(to_regclass('kpi_dirty')) / 1024 AS kilobytes
FROM (
    VALUES ('kpi_raw_data', 'SELECT')
    UNION ALL
    SELECT 'kpi_' || part, needed
    FROM unnest(ARRAY['dirty', 'dirty_hour', 'dirty_day']) AS part,
        unnest(ARRAY['SELECT', 'INSERT', 'DELETE']) AS needed
    UNION ALL
    SELECT 'kpi_rollup_' || part, needed
    FROM unnest(ARRAY['minute', 'hour', 'day']) AS part,
        unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS needed
) AS needs (wanted, needed)
WHERE to_regclass(wanted) IS NOT NULL;

-- name: triggers$
SELECT count(*) FROM pg_trigger
WHERE tgrelid = to_regclass('kpi_raw_data') AND tgname LIKE 'kpi\_note\_%'
    AND tgenabled IN ('O', 'A');

-- name: backlog$
-- Counted up to a bound.
SELECT count(*) FROM (SELECT FROM kpi_dirty LIMIT 1000001) AS entries;

-- name: hides_catalogue$
SELECT NOT has_table_privilege(to_regclass('kpi_catalog'), 'SELECT');

-- name: built_zone$
SELECT value FROM kpi_facts WHERE name = 'timezone';
