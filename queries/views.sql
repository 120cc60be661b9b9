-- What lies behind a view: it may be one over an aggregate or a materialised view of another name.

-- name: behind^
-- The number of the materialised-only continuous aggregate behind a view, if there is one.
WITH RECURSIVE behind (oid) AS (
    SELECT to_regclass(:view::text)::oid
    UNION
    SELECT d.refobjid
    FROM behind
    JOIN pg_rewrite AS r ON r.ev_class = behind.oid
    JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> behind.oid
    WHERE behind.oid NOT IN (SELECT oid FROM made)
), made AS (
    SELECT
        to_regclass(format('%I.%I', user_view_schema, user_view_name))::oid AS oid,
        mat_hypertable_id, materialized_only
    FROM _timescaledb_catalog.continuous_agg
)
SELECT mat_hypertable_id FROM behind JOIN made USING (oid)
WHERE materialized_only
ORDER BY mat_hypertable_id
LIMIT 1;

-- name: is_filled_by_hand$
-- Whether a materialised view of PostgreSQL's own is behind a view.
WITH RECURSIVE behind (oid) AS (
    SELECT to_regclass(:view::text)::oid
    UNION
    SELECT d.refobjid
    FROM behind
    JOIN pg_rewrite AS r ON r.ev_class = behind.oid
    JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> behind.oid
    WHERE NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = behind.oid AND c.relkind = 'm')
)
SELECT EXISTS (SELECT FROM behind JOIN pg_class USING (oid) WHERE relkind = 'm');
