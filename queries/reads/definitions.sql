-- What tells one set of aggregates and formulas from another.
(
    SELECT coalesce(sum(hash_record_extended(ROW(d.code, d.aggregate, d.formula), 1)), 0)::text
    FROM (SELECT 'avg' AS aggregate, NULL::text AS formula) AS absent
    CROSS JOIN LATERAL (
        SELECT code::text, aggregate::text, formula::text FROM kpi_catalog
    ) AS d
    WHERE d.aggregate <> 'avg' OR d.formula IS NOT NULL
)
