-- What the demo's feed writes.

-- name: describe!
-- Who has changed a row of the catalogue keeps it; rows of the first release's demo, in which every
-- KPI was an average, become what they are now.
INSERT INTO kpi_catalog AS c (
    code, name, unit, decimals, direction, target, simulated, warning, aggregate, formula,
    group_name
)
SELECT *
FROM unnest(
    :codes::text[], :names::text[], :units::text[], :decimals::smallint[],
    :directions::text[], :targets::double precision[], :simulated::boolean[],
    :warnings::double precision[], :aggregates::text[], :formulas::text[], :groups::text[]
)
ON CONFLICT (code) DO UPDATE SET
    warning = excluded.warning, aggregate = excluded.aggregate, formula = excluded.formula,
    group_name = excluded.group_name
WHERE c.simulated AND c.group_name IS NULL AND c.aggregate = 'avg' AND c.formula IS NULL
    AND c.name = excluded.name AND c.target IS NOT DISTINCT FROM excluded.target;

-- name: write_second$
-- One statement a second: the rows go in, the database's transactions so far come back.
WITH written AS (
    INSERT INTO kpi_raw_data ("timestamp", kpi_code, value)
    SELECT to_timestamp(:second), row.code, row.value
    FROM unnest(:codes::text[], :values::double precision[]) AS row (code, value)
)
SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database();

-- name: missing_minutes
-- The minutes from :first to before :until that have no row, newest first.
SELECT code, extract(epoch FROM minute)::bigint AS minute
FROM (
    SELECT k.code, m.minute
    FROM unnest(:codes::text[]) AS k (code)
    CROSS JOIN generate_series(
        to_timestamp(:first), to_timestamp(:until) - INTERVAL '1 minute', INTERVAL '1 minute'
    ) AS m (minute)
    EXCEPT
    SELECT kpi_code, bucket
    FROM kpi_values_minute
    WHERE kpi_code = ANY (:codes::text[])
        AND bucket >= to_timestamp(:first) AND bucket < to_timestamp(:until)
) AS missing
ORDER BY minute DESC, code;
