"""KPIs of every aggregate, some formulas, and SQL over the raw rows that says what each is."""

from __future__ import annotations

from typing import NamedTuple

from app.data.database import Database
from tests.world import execute


class Kpi(NamedTuple):
    """How a KPI is made, the KPIs whose rows it is made of, and the same in SQL."""

    sql: str
    aggregate: str = "avg"
    formula: str | None = None
    inputs: tuple[str, ...] = ()


def _of(code: str) -> str:
    return f"FILTER (WHERE kpi_code = '{code}')"


SUM = "sum(value::text::numeric) "
LAST = "(array_agg(value ORDER BY timestamp DESC, value DESC) FILTER (WHERE value IS NOT NULL))[1]"

PLAIN = {
    "alpha": Kpi("sum(value::text::numeric) / nullif(count(value), 0)"),
    "beta": Kpi(SUM, "sum"),
    "gamma": Kpi(LAST, "last"),
    "least": Kpi("min(value)", "min"),
    "most": Kpi("max(value)", "max"),
    "number": Kpi("nullif(count(value), 0)", "count"),
}
FORMULAS = {
    "share": Kpi(
        f"100 * {SUM + _of('beta')} / nullif(count(value) {_of('alpha')}, 0)",
        formula="100 * sum(beta) / count(alpha)",
        inputs=("beta", "alpha"),
    ),
    "gap.between": Kpi(
        "(array_agg(value ORDER BY timestamp DESC, value DESC) FILTER (WHERE kpi_code = 'gamma'))"
        f"[1]::text::numeric - ({SUM + _of('alpha')} / nullif(count(value) {_of('alpha')}, 0))"
        "::double precision::text::numeric",
        formula="gamma - avg(alpha)",
        inputs=("gamma", "alpha"),
    ),
    "nested": Kpi(
        f"- (100 * {SUM + _of('beta')} / nullif(count(value) {_of('alpha')}, 0)) / nullif("
        f"min(value) {_of('beta')} :: text :: numeric + 3.25, 0)",
        formula="-share / (min(beta) + 3.25)",
        inputs=("beta", "alpha"),
    ),
}
KPIS = PLAIN | FORMULAS


async def describe(database: Database) -> None:
    """Write what the KPIs are into the catalogue."""
    for code, kpi in KPIS.items():
        await execute(
            database,
            "INSERT INTO kpi_catalog (code, aggregate, formula) VALUES ($1, $2, $3)",
            code,
            kpi.aggregate,
            kpi.formula,
        )
