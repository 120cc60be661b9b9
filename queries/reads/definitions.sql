-- What tells one set of aggregates, formulas and targets from another.
(
    SELECT coalesce(
        sum(hash_record_extended(
            ROW(d.code, d.aggregate, d.formula, d.direction, d.target, d.warning, d.decimals), 1
        )),
        0
    )::text
    FROM (
        SELECT
            'avg' AS aggregate, NULL::text AS formula, NULL::text AS direction,
            NULL::text AS target, NULL::text AS warning, NULL::text AS decimals
    ) AS absent
    CROSS JOIN LATERAL (
        SELECT
            code::text, aggregate::text, formula::text, direction::text, target::text,
            warning::text, decimals::text
        FROM kpi_catalog
    ) AS d
    WHERE d.aggregate <> 'avg' OR d.formula IS NOT NULL OR d.target IS NOT NULL
)
