"""What TimescaleDB's background jobs are to do: refresh, drop old raw rows, compress them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ...errors import ConfigurationError
from ...settings import Settings

REFRESH_SECOND = {"kpi_values_minute": 0, "kpi_values_hour": 5, "kpi_values_day": 10}
"""The second of each minute at which a view is refreshed: hour and day read the minutes."""

RAW_READER = "kpi_values_minute"

REAL_TIME_END = timedelta(minutes=1)
"""A real-time view computes the newest minute from the raw rows while most of them come in."""

RETENTION_MARGIN = timedelta(days=1)
"""How much longer raw rows stay than anything is expected to change."""


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """When a view is refreshed, each minute, and over what; a start of None reaches back for ever.

    Only what has changed is computed again, so reaching far back costs nothing, and a job that was
    stopped for a week misses nothing.
    """

    view: str
    start_offset: timedelta | None
    end_offset: timedelta
    second: int


@dataclass(frozen=True, slots=True)
class Policies:
    """All the jobs that the settings ask for."""

    refreshes: tuple[RefreshPolicy, ...]
    retention: timedelta | None
    compress_after: timedelta | None

    async def apply(self, connection: Any, queries: Any) -> None:
        """Make the database's jobs these; policies nobody asked for are left alone."""
        there = {row["view_name"]: row async for row in queries.refresh_policies(connection)}
        for policy in self.refreshes:
            row = there.get(policy.view)
            if row is not None and _same(policy, row):
                continue
            if row is not None:
                await queries.remove_refresh_policy(connection, view=policy.view)
            await queries.add_refresh_policy(
                connection,
                view=policy.view,
                start_offset=policy.start_offset,
                end_offset=policy.end_offset,
                second=float(policy.second),
            )
        await self._apply_compression(connection, queries)
        await self._apply_retention(connection, queries)

    async def _apply_compression(self, connection: Any, queries: Any) -> None:
        if self.compress_after is None:
            return
        row = await queries.compression_policy(connection)
        if row is not None and row["compress_after"] == self.compress_after:
            return
        if row is None:
            await queries.enable_compression(connection)
        else:
            await queries.remove_compression_policy(connection)
        await queries.add_compression_policy(connection, compress_after=self.compress_after)

    async def _apply_retention(self, connection: Any, queries: Any) -> None:
        if self.retention is None:
            return
        row = await queries.retention_policy(connection)
        if row is not None and row["drop_after"] == self.retention:
            return
        await queries.remove_retention_policy(connection)
        await queries.add_retention_policy(connection, drop_after=self.retention)


def _same(policy: RefreshPolicy, row: Any) -> bool:
    there = (row["start_offset"], row["end_offset"], row["schedule_interval"], row["second"])
    wanted = (policy.start_offset, policy.end_offset, timedelta(minutes=1), policy.second)
    return there == wanted


def plan(settings: Settings, kept: timedelta | None) -> Policies:
    """Work out the jobs; raise ConfigurationError for settings that would give wrong numbers.

    `kept` is how long a retention policy that is there already keeps raw rows, None without one.
    """
    least = settings.correction_window + RETENTION_MARGIN
    if settings.retention is not None and settings.retention <= least:
        raise ConfigurationError(
            "KPI_RETENTION must be more than a day longer than KPI_CORRECTION_WINDOW: "
            "a bucket that is computed again after its raw rows are gone loses its numbers"
        )
    if (
        settings.compress_after is not None
        and settings.compress_after <= settings.correction_window
    ):
        raise ConfigurationError(
            "KPI_COMPRESS_AFTER must be longer than KPI_CORRECTION_WINDOW: "
            "late rows would have to be written into compressed ones"
        )
    # Materialised only, a bucket shows when the job has run: just after it counts as complete.
    grace = timedelta(seconds=math.ceil(settings.grace_seconds))
    end = grace if settings.materialized_only else REAL_TIME_END + grace
    delay = grace.seconds % 60 if settings.materialized_only else 0
    # Raw rows are dropped by whole chunks that are past the retention, so nothing younger than it
    # is ever missing. Hours and days read the minutes, which stay for ever.
    start = settings.retention or kept
    return Policies(
        tuple(
            RefreshPolicy(view, start if view == RAW_READER else None, end, (second + delay) % 60)
            for view, second in REFRESH_SECOND.items()
        ),
        settings.retention,
        settings.compress_after,
    )
