"""Whether the views hold what the rows say that they are made from; the newest, of some KPIs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ...models import Period
from ...settings import Settings
from ...wording import counted
from ..database import Connection, load_queries
from ..timescale.catalog import VIEWS
from .findings import Finding, error, fine, warning
from .relations import Relation
from .shape import INIT

RECENT = {
    Period.MINUTE: "INTERVAL '2 hours'",
    Period.HOUR: "INTERVAL '3 days'",
    Period.DAY: "INTERVAL '40 days'",
}
LENGTH = {
    Period.MINUTE: "INTERVAL '2 hours'",
    Period.HOUR: "INTERVAL '1 day'",
    Period.DAY: "INTERVAL '3 days'",
}

EXACT = "1e-9"
SINGLE = "1e-5"
"""How far an average of `real` may be off: it has six digits."""


class Numbers:
    """Compares the newest buckets; `own` is whether `db init` makes and mends these views.

    `pending` are ranges, in microseconds, that have changed and wait for a refresh.
    """

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        relations: Mapping[str, Relation],
        pending: Mapping[str, list[tuple[float, float]]],
        *,
        own: bool,
    ) -> None:
        self._connection = connection
        self._relations = relations
        self._pending = pending
        self._cure = INIT if own else None
        self._zones = {
            period: settings.timezone if period is Period.DAY else "UTC" for period in VIEWS
        }
        self.compared = 0

    def _queries(self, period: Period, source: str | None = None) -> Any:
        view = VIEWS[period]
        columns = self._relations[view].columns
        sides = [columns["avg_value"]]
        if source is not None:
            made_of = self._relations[source].columns
            sides.append(made_of.get("value") or made_of.get("avg_value", ""))
        return load_queries(
            "check",
            {
                "{view}": view,
                "{period}": period.value,
                "{recent}": RECENT[period],
                "{points}": "v.data_points" if "data_points" in columns else "NULL",
                "{first}": _bound(period, LENGTH[period]),
                "{until}": _bound(period),
                "{tolerance}": SINGLE if "real" in sides else EXACT,
            },
        )

    async def placed(self, period: Period) -> AsyncIterator[Finding]:
        """Yield buckets that begin where none does, or are there twice."""
        queries, view, zone = self._queries(period), VIEWS[period], self._zones[period]
        if row := await queries.misplaced(self._connection, zone=zone):
            yield error(
                f"a bucket of {view} begins at {_moment(row['bucket'])}, where no {period} begins "
                f"in {zone}: let the view begin them with date_trunc('{period}', …, '{zone}')",
                self._cure,
            )
        if row := await queries.repeated(self._connection):
            yield error(
                f"{view} has the bucket {_moment(row['bucket'])} of {row['kpi_code']} twice: let "
                "it GROUP BY bucket and kpi_code alone",
                self._cure,
            )

    async def agreeing(self, period: Period) -> AsyncIterator[Finding]:
        """Yield the first bucket that is not what its rows say."""
        found = await self._unlike(period)
        if not found:
            return
        self.compared += found[0]["compared"]
        wrong = [row for row in found if row["bucket"] is not None]
        waiting = [row for row in wrong if self._waits(period, row["bucket"])]
        rest = [row for row in wrong if row not in waiting]
        made_of = "raw rows" if period is Period.MINUTE else "minutes"
        view = VIEWS[period]
        if waiting:
            many = counted(len(waiting), "bucket")
            yield fine(f"numbers of {view} wait for the next refresh, since rows came late: {many}")
        if rest:
            row = rest[0]
            yield error(
                f"{view} says {row['said']} for {row['kpi_code']} at {_moment(row['bucket'])}, its "
                f"{made_of} say {row['wanted']}; if rows came late just now, look again in a "
                "minute",
                self._cure,
            )

    async def _unlike(self, period: Period) -> list[Any]:
        minute = VIEWS[Period.MINUTE]
        if period is Period.MINUTE:
            raw = self._relations.get("kpi_raw_data")
            if raw is None or not {"timestamp", "kpi_code", "value"} <= set(raw.columns):
                return []
            queries = self._queries(period, "kpi_raw_data")
            return [row async for row in queries.unlike_raw(self._connection)]
        if "data_points" not in self._relations[minute].columns:
            return []
        queries = self._queries(period, minute)
        zone = self._zones[period]
        return [row async for row in queries.unlike_minutes(self._connection, zone=zone)]

    def _waits(self, period: Period, bucket: datetime) -> bool:
        first = bucket.timestamp() * 1e6
        length = {Period.MINUTE: 60, Period.HOUR: 3600}.get(period, 90_000) * 1e6
        return any(
            start < first + length and end >= first
            for start, end in self._pending.get(VIEWS[period], [])
        )

    async def codes(self, period: Period) -> tuple[list[str], bool]:
        """Return codes of a view that cannot be served, as text, and whether some are NULL."""
        rows = [row["code"] async for row in self._queries(period).odd_codes(self._connection)]
        return [code for code in rows if code is not None], None in rows

    async def age(self) -> AsyncIterator[Finding]:
        """Yield that the newest rows are old."""
        queries = load_queries("check")
        if await queries.newest_minute(self._connection) is not None:
            return
        newest = await queries.newest_day(self._connection)
        if newest is None:
            yield fine("there are no rows yet")
            return
        ago = counted((datetime.now(UTC) - newest).days, "day")
        yield warning(
            f"the newest rows are of {newest.astimezone(UTC):%Y-%m-%d}, {ago} ago: nothing "
            "writes, or what fills the views does not run"
        )

    def said(self) -> Finding:
        """Return how much was compared, where nothing was found wrong."""
        if self.compared:
            return fine(
                "the numbers agree with the rows they are made of; compared: the newest "
                f"{counted(self.compared, 'bucket')}"
            )
        return fine(
            "whether the numbers are right was not compared: there are no rows of the last hours, "
            "or none that the views say they are made of"
        )


def _bound(period: Period, back: str = "INTERVAL '0'") -> str:
    """Return where what is compared begins or ends: the newest minutes may still be changing."""
    zone = ":zone" if period is Period.DAY or period is Period.HOUR else "'UTC'"
    return f"date_trunc('{period}', now() - {back} - INTERVAL '5 minutes', {zone})"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"
