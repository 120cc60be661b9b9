"""The statements that read the aggregates, fitted to the columns that the views have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError
from ..models import Period
from .database import Connection, load_queries, load_text

_NEEDED = {"bucket", "kpi_code", "avg_value"}

_COMPLETE = "date_trunc('{period}', now() - :grace::interval, :zone::text)"

# What is complete by the clock but not refreshed yet would look like a gap. Before the first
# refresh that is everything, and no calendar has the day TimescaleDB names.
_MATERIALIZED = (
    f"least({_COMPLETE}, greatest(timestamptz '1970-01-02Z', _timescaledb_functions.to_timestamp("
    "_timescaledb_functions.cagg_watermark({aggregate}))))"
)


async def fitted_reads(period: Period, connection: Connection) -> Any:
    """Return `queries/reads.sql` for the view of `period`, with NULL for what it does not have.

    Raises ConfigurationError where the view is missing or of another shape.
    """
    columns = set(await _load({"{period}": period.value}).columns(connection) or ())
    if not columns >= _NEEDED:
        raise ConfigurationError(
            f"the database has no view kpi_values_{period} (bucket, kpi_code, avg_value); "
            "run kpi-stream db init"
        )
    aggregate = await _materialized_only(period, connection)
    return _load(
        {
            "{until}": _COMPLETE if aggregate is None else _MATERIALIZED,
            "{aggregate}": str(aggregate),
            # Days are not all of one length.
            "{spare}": "1" if period is Period.DAY else "0",
            "{points}": _column("data_points", "bigint", columns),
            "{minimum}": _column("min_value", "double precision", columns),
            "{maximum}": _column("max_value", "double precision", columns),
            "{period}": period.value,
        }
    )


def _load(words: Mapping[str, str]) -> Any:
    parts = {
        "{answered}": load_text("reads_answered"),
        "{columns}": load_text("reads_columns"),
    }
    return load_queries("reads", {**parts, **words})


def _column(name: str, kind: str, columns: set[str]) -> str:
    return f"{name if name in columns else 'NULL'}::{kind}"


async def _materialized_only(period: Period, connection: Connection) -> int | None:
    """Return the number of this period's aggregate where it shows refreshed buckets alone."""
    queries = load_queries("catalogue")
    if not await queries.has_timescale(connection):
        return None
    found: int | None = await queries.materialized_only(connection, view=f"kpi_values_{period}")
    return found
