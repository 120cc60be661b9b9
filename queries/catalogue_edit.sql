-- What `kpi-stream kpi` and `kpi-stream catalog` write.

-- name: lock!
-- Two who change the catalogue wait for each other; readers do not.
LOCK TABLE kpi_catalog IN SHARE ROW EXCLUSIVE MODE;

-- name: put_kpi!
INSERT INTO kpi_catalog AS c (
    code, name, unit, decimals, direction, target, warning, aggregate, formula, group_name,
    description, lower, upper
)
VALUES (
    :code, :name, :unit, :decimals, :direction, :target, :warning, :aggregate, :formula,
    :group_name, :description, :lower, :upper
)
ON CONFLICT (code) DO UPDATE SET
    name = excluded.name, unit = excluded.unit, decimals = excluded.decimals,
    direction = excluded.direction, target = excluded.target, warning = excluded.warning,
    aggregate = excluded.aggregate, formula = excluded.formula, group_name = excluded.group_name,
    description = excluded.description, lower = excluded.lower, upper = excluded.upper;

-- name: remove_kpi!
DELETE FROM kpi_catalog WHERE code = :code;

-- name: rows
SELECT
    code, name, unit, decimals, direction, target, warning, aggregate, formula, group_name,
    description, lower, upper
FROM kpi_catalog
ORDER BY code;
