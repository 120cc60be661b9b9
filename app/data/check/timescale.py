"""What can be wrong with continuous aggregates, their jobs, and the release that runs them."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from ...models import Period
from ...settings import Settings
from ..database import Connection, load_queries
from ..timescale.catalog import BATCHES_SINCE, OPTIONS_SINCE, VIEWS, Release
from ..timescale.policies import plan
from ..timescale.zone import midnight_twice, same_zone, zone_of
from .findings import Finding, error, fine, mend, warning
from .timescale_bugs import Use, known_bugs

PERIODS = {view: period for period, view in VIEWS.items()}
LAG = timedelta(minutes=5)


def _reached(job: Any) -> float:
    """Return from when on the job of an aggregate refreshes it, in microseconds since 1970."""
    if job["job_id"] is None:
        return math.inf
    if job["start_offset"] is None:
        return -math.inf
    return float((datetime.now(UTC) - job["start_offset"]).timestamp() * 1e6)


def _interval(length: timedelta) -> str:
    return f"{_seconds(length)} seconds"


def _seconds(length: timedelta) -> int:
    return int(length.total_seconds())


def _said(length: timedelta) -> str:
    return str(length).removesuffix(", 0:00:00")


class TimescaleLooks:
    """Looks at the aggregates behind the three views; `pending` is what waits for a refresh.

    `weighed` names the views that say how many rows their buckets have.
    """

    def __init__(
        self, connection: Connection, settings: Settings, found: Release, weighed: set[str]
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._release = found
        self._weighed = weighed
        self._queries = load_queries("check_timescale")
        self._jobs: list[Any] = []
        self.pending: dict[str, list[tuple[float, float]]] = {}

    async def load(self) -> list[Any]:
        """Return the aggregates behind the views and their jobs."""
        connection, queries = self._connection, self._queries
        self._jobs = [row async for row in queries.refresh_jobs(connection)]
        for job in self._jobs:
            ranges = self.pending.setdefault(job["view"], [])
            reached = _reached(job)
            async for row in queries.pending(connection, aggregate=job["mat_hypertable_id"]):
                if row["last"] >= reached:
                    ranges.append((max(row["first"], reached), row["last"]))
        minutes = self.pending.get(VIEWS[Period.MINUTE], [])
        for view in (VIEWS[Period.HOUR], VIEWS[Period.DAY]):
            self.pending.setdefault(view, []).extend(minutes)
        return self._jobs

    def all(self) -> Iterator[tuple[str, AsyncIterator[Finding]]]:
        """Return each look, and what it looks at."""
        yield "TimescaleDB's release", self._check_release()
        for job in self._jobs:
            yield f"the refresh of {job['aggregate']}", self._check_job(job)
        yield "what was never refreshed", self._check_reach()

    async def _check_release(self) -> AsyncIterator[Finding]:
        settings, found = self._settings, self._release
        days = [job for job in self._jobs if job["view"] == VIEWS[Period.DAY]]
        zone = zone_of(days[0]["definition"]) if days else settings.timezone
        if not same_zone(zone, settings.timezone):
            yield error(
                f"the days of {days[0]['aggregate']} begin in {zone}, KPI_TIMEZONE says "
                f"{settings.timezone}",
                f"KPI_TIMEZONE={zone}, or kpi-stream db init for days in {settings.timezone}",
            )
        if twice := midnight_twice(settings.zone):
            yield error(
                f"in {settings.timezone} midnight comes twice on {twice}: TimescaleDB begins that "
                "day at the second, or counts its first hour to the day before",
                "KPI_TIMEZONE=UTC, or a zone whose clocks change at another hour",
            )
        use = Use(
            batched=tuple(
                job["job_id"] for job in self._jobs if job["job_id"] and job["buckets_per_batch"]
            ),
            zoned=not same_zone(zone, "UTC"),
            compressed=bool(await self._queries.raw_compression(self._connection)),
            correction_window=settings.correction_window,
        )
        bugs = list(known_bugs(found, use))
        for finding in bugs:
            yield finding
        if not bugs:
            yield fine(f"TimescaleDB {found.text} has no bug known to give wrong numbers here")

    def _policy(self, job: Any) -> str:
        """Return the policy that `db init` would make, for this aggregate."""
        kept = job["source_kept"]
        only = {"materialized_only": job["materialized_only"]}
        alike = self._settings.model_copy(
            update={"retention": None, "compress_after": None, **only}
        )
        [ours] = [policy for policy in plan(alike, None).refreshes if policy.view == job["view"]]
        batched = self._release.version >= BATCHES_SINCE
        return mend(
            "policy",
            aggregate=job["aggregate"],
            start="NULL" if kept is None else f"INTERVAL '{_interval(kept)}'",
            end=_seconds(ours.end_offset),
            second=ours.second,
            batch=",\n    buckets_per_batch => 0" if batched else "",
        )

    async def _check_job(self, job: Any) -> AsyncIterator[Finding]:
        name, policy = job["aggregate"], self._policy(job)
        if job["job_id"] is None:
            if job["materialized_only"]:
                yield error(f"{name} is materialised only and no job refreshes it", policy)
            else:
                yield warning(
                    f"no job refreshes {name}: rows that come late may never show, and reading "
                    "gets slower with each day",
                    policy,
                )
            return
        for finding in _check_runs(job):
            yield finding
        for finding in _check_offsets(job, self._settings, policy):
            yield finding
        if not job["is_the_view"] and job["materialized_only"]:
            yield fine(
                f"{job['view']} shows what {name} has, which is materialised only: buckets are "
                "published when its job has run"
            )

    async def _check_reach(self) -> AsyncIterator[Finding]:
        """Yield rows that no refresh will ever bring into a view; the others' come from minutes."""
        for job in self._jobs:
            if not (
                job["is_the_view"] and {VIEWS[Period.MINUTE], job["view"]} <= self._weighed
            ) or (job["job_id"] and job["start_offset"] is None):
                continue
            found = [finding async for finding in self._unreached(job)]
            for finding in found:
                yield finding
            if found:
                return

    async def _unreached(self, job: Any) -> AsyncIterator[Finding]:
        period = PERIODS[job["view"]]
        raw = period is Period.MINUTE
        days = period is Period.DAY
        zone = zone_of(job["definition"]) if days else "UTC"
        points = "count(*)" if raw else "sum(source.data_points)"
        words = {
            "{view}": job["view"],
            "{source}": "kpi_raw_data" if raw else VIEWS[Period.MINUTE],
            "{time}": '"timestamp"' if raw else "bucket",
            "{period}": period.value,
            "{step}": f"1 {period.value}",
            "{margin}": "2 hours" if days else "0 seconds",
            "{count}": points,
            "{points}": "v.data_points",
        }
        queries = load_queries("check_timescale", words)
        rows = [
            row
            async for row in queries.unrefreshed(
                self._connection,
                aggregate=job["mat_hypertable_id"],
                reach=job["start_offset"] or timedelta(0),
                zone=zone,
            )
        ]
        safe = [row for row in rows if not row["loses"]]
        if safe:
            calls = [self._refresh(job, row["first"], row["until"]) for row in safe]
            yield error(
                f"{job['aggregate']} was never refreshed over rows of {_moment(safe[0]['first'])}, "
                "and its job does not reach that far back",
                "\n".join(calls),
            )
        for row in rows:
            if row["loses"]:
                yield warning(
                    f"rows of {_moment(row['first'])} do not show in {job['aggregate']}, and a "
                    "refresh would lose the buckets about them whose raw rows are gone: load "
                    "these again first, or leave it as it is"
                )

    def _refresh(self, job: Any, first: datetime, until: datetime) -> str:
        whole = self._release.version >= OPTIONS_SINCE
        return mend(
            "refresh",
            aggregate=job["aggregate"],
            first=f"{first.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z",
            until=f"{until.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z",
            options=""", options => '{"buckets_per_batch": 0}'""" if whole else "",
        )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def _check_runs(job: Any) -> Iterator[Finding]:
    name, number = job["aggregate"], job["job_id"]
    if not job["scheduled"]:
        yield error(f"the refresh job {number} of {name} is paused", mend("resume", job=number))
    elif job["last_run_status"] == "Failed":
        yield error(
            f"the last run of the refresh job {number} of {name} failed",
            mend("errors", job=number),
        )
    elif job["overdue"]:
        yield error(
            f"the refresh job {number} of {name} is due and does not run: TimescaleDB's "
            "background workers are stopped, or too few (timescaledb.max_background_workers)",
            mend("workers"),
        )
    elif job["never_ran"] and not job["aligned"]:
        yield warning(
            f"the refresh job {number} of {name} has never run: unless it is new, TimescaleDB's "
            "background workers are stopped, or too few (timescaledb.max_background_workers)",
            mend("workers"),
        )


def _check_offsets(job: Any, settings: Settings, policy: str) -> Iterator[Finding]:
    name, kept = job["aggregate"], job["source_kept"]
    start, end = job["start_offset"], job["end_offset"]
    if end is None:
        yield error(
            f"the refresh job of {name} has end_offset NULL: it materialises the bucket that is "
            "still open, and what comes in later is missing until the next run",
            policy,
        )
    elif end < timedelta(0):
        yield error(
            f"the refresh job of {name} reaches into the future (end_offset {_said(end)})", policy
        )
    if kept is not None and (start is None or start > kept):
        reach = "for ever" if start is None else _said(start)
        yield error(
            f"the refresh job of {name} reaches back {reach}, but the rows it reads are dropped "
            f"after {_said(kept)}: it deletes history",
            policy,
        )
    if start is not None and start < settings.correction_window:
        yield error(
            f"the refresh job of {name} reaches back {_said(start)}, less than "
            "KPI_CORRECTION_WINDOW: later rows never show",
            policy,
        )
    wait = job["schedule_interval"] + (end or timedelta(0))
    if job["materialized_only"] and wait > LAG:
        yield warning(
            f"{name} is materialised only and may be {_said(wait)} behind: buckets are published "
            "when the job has run",
            policy,
        )
    elif job["materialized_only"] and not job["aligned"]:
        yield warning(
            f"the refresh job of {name} has no initial_start: its runs drift through the minute, "
            "and with them the moment at which buckets show",
            policy,
        )
