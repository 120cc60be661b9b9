"""TimescaleDB's twin of the aggregates: a hypertable, three continuous aggregates, their policies.

The views are real-time unless set otherwise: what lies before a view's watermark is materialised,
the rest is computed when it is read, so a bucket shows the moment it is complete. Rows written
before the watermark show after the next refresh. The policies see to that each minute, for rows of
any age; an import calls `refresh` when it is done. Nothing else needs to run in this project.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

import asyncpg

from ...errors import ConfigurationError, DatabaseUnavailableError
from ...models import Period
from ...settings import Settings
from ..database import Connection, load_queries
from .catalog import VIEWS, Aggregate, Release, aggregates, release
from .policies import RAW_READER, plan
from .zone import midnight_twice, same_zone

OLDEST_RELEASE = (2, 14)
REFRESH_SECONDS = 3600.0
BUSY_RETRY_SECONDS = 0.25
BUSY_SECONDS = 120.0


async def usable(connection: Connection) -> bool:
    """Whether continuous aggregates can be made here."""
    found = await release(connection)
    return found is not None and found.community


async def _release(connection: Connection) -> Release:
    found = await release(connection)
    if found is None or not found.community or found.version < OLDEST_RELEASE:
        raise ConfigurationError("TimescaleDB 2.14 or newer with its community licence is needed")
    return found


async def is_foreign(connection: Connection, settings: Settings) -> bool:
    """Whether some of the three views are somebody else's.

    Raises ConfigurationError where their days are of another time zone.
    """
    there = await aggregates(connection)
    views = await load_queries("schema").views(connection)
    if views == len(there) and all(aggregate.ours for aggregate in there.values()):
        return False
    day = there.get(VIEWS[Period.DAY])
    if day is not None and not same_zone(day.zone, settings.timezone):
        raise ConfigurationError(
            f"the days of {day.view} begin in {day.zone}, KPI_TIMEZONE is {settings.timezone}"
        )
    return True


async def apply(connection: Connection, settings: Settings) -> None:
    """Create what is missing, and bring what is there in line with `settings`; safe to run again.

    Days of another time zone are built anew from the minutes. One at a time, and not inside a
    transaction. Raises ConfigurationError.
    """
    queries = (await _release(connection)).queries()
    there = await aggregates(connection)
    if twice := midnight_twice(settings.zone):
        raise ConfigurationError(
            f"in {settings.timezone} midnight comes twice on {twice}, and TimescaleDB's days go "
            "wrong there: set KPI_TIMEZONE to a zone whose clocks change at another hour"
        )
    await queries.see_extension(connection)
    retention = await queries.retention_policy(connection)
    policies = plan(settings, retention and retention["drop_after"])
    await queries.create_hypertable(connection)
    await _create_views(connection, queries, settings, there)
    await refresh(connection, settings)
    await policies.apply(connection, queries)


async def _create_views(
    connection: Connection, queries: Any, settings: Settings, there: Mapping[str, Aggregate]
) -> None:
    await queries.create_minute_aggregate(connection)
    await queries.create_hour_aggregate(connection)
    day = there.get(VIEWS[Period.DAY])
    if day is not None and not same_zone(day.zone, settings.timezone):
        await queries.drop_day_aggregate(connection)
    await queries.set_day_zone(connection, zone=settings.timezone)
    await queries.create_day_aggregate(connection)
    created = await aggregates(connection)
    if any(a.materialized_only != settings.materialized_only for a in created.values()):
        wanted = str(settings.materialized_only).lower()
        await queries.choose_materialized_only(connection, materialized_only=wanted)
        await queries.set_materialized_only(connection)


async def refresh(
    connection: Connection, settings: Settings, span: tuple[int, int] | None = None
) -> None:
    """Materialise whatever has changed, up to the open bucket of each view.

    `span` holds the first and the last instant that a bulk load wrote to, in seconds since 1970:
    its days are computed again even where TimescaleDB's log of changes misses one
    (timescaledb#10296). Where raw rows were dropped, all is left as it is. Not inside a
    transaction. Raises DatabaseUnavailableError when other refreshes do not end.
    """
    found = await _release(connection)
    queries = found.queries()
    await queries.see_extension(connection)
    await queries.lift_statement_timeout(connection)
    try:
        bounds = await queries.refresh_bounds(connection, zone=settings.timezone)
        earliest = bounds["earliest"]
        for period, view in VIEWS.items():
            first, until = earliest, bounds[period.value]
            if view == RAW_READER:
                first = max(filter(None, (earliest, bounds["oldest"])))
            if first is None or first < until:
                await _call(connection, queries.refresh.sql, view, first, until)
        if span is not None and found.forces:
            days = await queries.day_span(
                connection, first=span[0], last=span[1], zone=settings.timezone
            )
            first = max(filter(None, (days["earliest"], earliest)))
            if first < days["until"]:
                day = VIEWS[Period.DAY]
                await _call(connection, queries.refresh_again.sql, day, first, days["until"])
    finally:
        if not connection.is_closed():
            await queries.restore_statement_timeout(connection)


async def _call(connection: Connection, sql: str, *arguments: object) -> None:
    """Refresh, once no other refresh of the same view is under way."""
    deadline = asyncio.get_running_loop().time() + BUSY_SECONDS
    while True:
        try:
            await connection.execute(sql, *arguments, timeout=REFRESH_SECONDS)
        except asyncpg.LockNotAvailableError as error:
            if asyncio.get_running_loop().time() > deadline:
                raise DatabaseUnavailableError(f"another refresh does not end: {error}") from error
            await asyncio.sleep(BUSY_RETRY_SECONDS)
        else:
            return


class RefreshHealth(NamedTuple):
    """What is wrong with the refresh jobs, if anything, and how long buckets wait for them."""

    trouble: str | None = None
    delay_seconds: float = 0.0


async def refresh_health(connection: Connection) -> RefreshHealth:
    """Return how the jobs do that refresh what the views show."""
    found = await release(connection)
    if found is None or not found.community:
        return RefreshHealth()
    jobs = [row async for row in load_queries("views").job_health(connection)]
    troubles = filter(None, map(_trouble, jobs))
    return RefreshHealth(
        next(troubles, None), max((job["delay_seconds"] for job in jobs), default=0.0)
    )


def _trouble(job: Any) -> str | None:
    view = job["view_name"]
    if not job["scheduled"]:
        return f"the refresh job of {view} is paused"
    if job["last_run_status"] == "Failed":
        return f"the last refresh of {view} failed"
    if job["total_runs"] and job["overdue"]:
        return f"{view} is not being refreshed"
    return None
