"""The statements that read the aggregates, put together from `queries/reads` for each period."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from ..errors import ConfigurationError
from ..models import Aggregate, Period
from .database import Connection, load_queries, load_text

_NEEDED = {"bucket", "kpi_code", "avg_value"}

_COLUMNS = {
    Aggregate.SUM: {"sum_value", "data_points"},
    Aggregate.MIN: {"min_value"},
    Aggregate.MAX: {"max_value"},
    Aggregate.COUNT: {"data_points"},
    Aggregate.LAST: {"last_value"},
}
"""A column of these is what an aggregate is read from; an average is always there."""


class Reads(NamedTuple):
    """The statements for one period, and the columns of the view that they read."""

    period: Period
    statements: Any
    view: str
    columns: frozenset[str]
    has_catalogue: bool

    def lacking(self, aggregates: Iterable[Aggregate]) -> str | None:
        """Say why these aggregates cannot be had at this period; None where they can."""
        if not self.period.is_stored and "data_points" not in self.columns:
            return (
                f"the period {self.period} is computed from {self.view}, which has no column "
                "data_points to weigh its averages by"
            )
        for aggregate in aggregates:
            columns = _COLUMNS.get(aggregate)
            if columns is not None and not columns & self.columns:
                return f"{self.view} has no column {min(columns)}, so there is no {aggregate}"
        return None


async def fitted_reads(period: Period, connection: Connection) -> Reads:
    """Return the statements for a period, fitted to the views that there are.

    Raises ConfigurationError where the view is missing or of another shape.
    """
    queries = load_queries("catalogue")
    view = f"kpi_values_{period.stored}"
    columns = frozenset(await queries.columns(connection, view=view) or ())
    if not columns >= _NEEDED:
        if columns:
            lacking = ", ".join(sorted(_NEEDED - columns))
            raise ConfigurationError(
                f"the view {view} lacks {lacking}: kpi-stream db check says what its columns "
                "should be called"
            )
        raise ConfigurationError(
            f"the database has no view {view} (bucket, kpi_code, avg_value); run kpi-stream db init"
        )
    has_catalogue = await queries.has_catalogue(connection)
    clock, aggregate = await _clock(view, connection)
    parts = {
        "{values}": _part("values"),
        "{formulas}": _part("formulas"),
        "{buckets}": _part("stored" if period.is_stored else "derived"),
        "{stored}": _part("stored"),
        "{until}": _part("until"),
        "{clock}": _part(clock),
        "{definitions}": _part("definitions" if has_catalogue else "no_definitions"),
        "{aggregate}": str(aggregate),
        "{view}": view,
    }
    statements = load_queries("reads/statements", parts)
    return Reads(period, statements, view, columns, has_catalogue)


def time_arguments(period: Period, zone: str) -> dict[str, Any]:
    """Return what tells the statements where the buckets of a period begin."""
    if period.is_calendar:
        days = period.length * (1 if period.unit == "days" else 31)
        return {"zone": zone, "unit": period.value, "step": timedelta(days=days)}
    return {"zone": None, "unit": period.value, "step": timedelta(seconds=period.seconds)}


def _part(name: str) -> str:
    """Return what a file says, without its comments: a quotation mark there would open a string."""
    lines = load_text(f"reads/{name}").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--"))


async def _clock(view: str, connection: Connection) -> tuple[str, int | None]:
    """Return what says how far a view is, a file of `queries/reads`, and its aggregate's number.

    Aggregates that show refreshed buckets alone may be behind a plain view.
    """
    queries = load_queries("views")
    if await load_queries("catalogue").has_timescale(connection):
        found = await queries.behind(connection, view=view)
        if found is not None:
            return "clock_refreshed", found["mat_hypertable_id"]
    is_filled = await queries.is_filled_by_hand(connection, view=view)
    return ("clock_filled" if is_filled else "clock"), None
