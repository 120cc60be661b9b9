"""What can be wrong with continuous aggregates, their jobs, and the release that runs them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from typing import Any

from ...models import Period
from ...settings import Settings
from ..database import Connection, load_queries
from ..timescale.catalog import VIEWS, Aggregate, Release
from ..timescale.zone import midnight_twice, same_zone
from .findings import Finding, error, fine, mend, warning
from .timescale_bugs import Use, known_bugs

PERIODS = {view: period for period, view in VIEWS.items()}
LAG = timedelta(minutes=5)


async def check_timescale(
    connection: Connection, settings: Settings, found: Release, made: Mapping[str, Aggregate]
) -> AsyncIterator[Finding]:
    """Yield what is wrong with the continuous aggregates behind the three views."""
    queries = load_queries("check")
    jobs = [row async for row in queries.refresh_jobs(connection)]
    day = made.get(VIEWS[Period.DAY])
    zone = day.zone if day is not None else settings.timezone
    if not same_zone(zone, settings.timezone):
        yield error(
            f"the days of {VIEWS[Period.DAY]} begin in {zone}, KPI_TIMEZONE says "
            f"{settings.timezone}",
            f"KPI_TIMEZONE={zone}, or kpi-stream db init for days in {settings.timezone}",
        )
    if twice := midnight_twice(settings.zone):
        yield error(
            f"in {settings.timezone} midnight comes twice on {twice}: TimescaleDB begins that day "
            "at the second, or counts its first hour to the day before",
            "KPI_TIMEZONE=UTC, or a zone whose clocks change at another hour",
        )
    use = Use(
        batched=tuple(job["job_id"] for job in jobs if job["job_id"] and job["buckets_per_batch"]),
        zoned=not same_zone(zone, "UTC"),
        compressed=bool(await queries.raw_compression(connection)),
        correction_window=settings.correction_window,
    )
    bugs = list(known_bugs(found, use))
    for finding in bugs:
        yield finding
    if not bugs:
        yield fine(f"TimescaleDB {found.text} has no bug known to give wrong numbers here")
    for job in jobs:
        for finding in _check_job(job, settings):
            yield finding
        if lost := await _check_reach(connection, job, zone):
            yield lost


def _policy(view: str, kept: timedelta | None) -> str:
    start = "NULL" if kept is None else f"INTERVAL '{_interval(kept)}'"
    return mend("policy", view=view, start=start)


def _interval(length: timedelta) -> str:
    return f"{int(length.total_seconds())} seconds"


def _said(length: timedelta) -> str:
    return str(length).removesuffix(", 0:00:00")


def _check_job(job: Any, settings: Settings) -> Iterator[Finding]:
    view, kept = job["view"], job["source_kept"]
    policy = _policy(view, kept)
    if job["job_id"] is None:
        if job["materialized_only"]:
            yield error(f"{view} is materialised only and no job refreshes it", policy)
        else:
            yield warning(
                f"no job refreshes {view}: rows that come late may never show, and reading gets "
                "slower with each day",
                policy,
            )
        return
    if not job["scheduled"]:
        yield error(
            f"the refresh job {job['job_id']} of {view} is paused",
            mend("resume", job=job["job_id"]),
        )
    elif job["last_run_status"] == "Failed":
        yield error(
            f"the last run of the refresh job {job['job_id']} of {view} failed",
            mend("errors", job=job["job_id"]),
        )
    elif job["overdue"]:
        yield error(
            f"the refresh job {job['job_id']} of {view} is due and does not run: TimescaleDB's "
            "background workers are stopped, or too few (timescaledb.max_background_workers)",
            mend("workers"),
        )
    yield from _check_offsets(job, settings, policy)


def _check_offsets(job: Any, settings: Settings, policy: str) -> Iterator[Finding]:
    view, kept = job["view"], job["source_kept"]
    start, end = job["start_offset"], job["end_offset"]
    if end is None:
        yield error(
            f"the refresh job of {view} has end_offset NULL: it materialises the bucket that is "
            "still open, and what comes in later is missing until the next run",
            policy,
        )
    elif end < timedelta(0):
        yield error(
            f"the refresh job of {view} reaches into the future (end_offset {_said(end)})", policy
        )
    if kept is not None and (start is None or start > kept):
        reach = "for ever" if start is None else _said(start)
        yield error(
            f"the refresh job of {view} reaches back {reach}, but the rows it reads are dropped "
            f"after {_said(kept)}: it deletes history",
            policy,
        )
    if start is not None and start < settings.correction_window:
        yield error(
            f"the refresh job of {view} reaches back {_said(start)}, less than "
            "KPI_CORRECTION_WINDOW: later rows never show",
            policy,
        )
    wait = job["schedule_interval"] + (end or timedelta(0))
    if job["materialized_only"] and wait > LAG:
        yield warning(
            f"{view} is materialised only and may be {_said(wait)} behind: buckets are published "
            "when the job has run",
            policy,
        )
    elif job["materialized_only"] and not job["aligned"]:
        yield warning(
            f"the refresh job of {view} has no initial_start: its runs drift through the minute, "
            "and with them the moment at which buckets show",
            policy,
        )


async def _check_reach(connection: Connection, job: Any, zone: str) -> Finding | None:
    """Find rows that no refresh will ever bring into the view."""
    view = job["view"]
    if job["job_id"] is not None and job["start_offset"] is None:
        return None
    raw = PERIODS[view] is Period.MINUTE
    words = {
        "{source}": "kpi_raw_data" if raw else VIEWS[Period.MINUTE],
        "{time}": '"timestamp"' if raw else "bucket",
    }
    reach = job["start_offset"] or timedelta(0)
    row = await load_queries("check", words).unrefreshed(connection, view=view, reach=reach)
    if row is None:
        return None
    return error(
        f"{view} was never refreshed over rows of {row['at']:%Y-%m-%d %H:%M}Z, and its job does "
        "not reach that far back",
        mend(
            "refresh",
            view=view,
            period=PERIODS[view].value,
            zone=zone if PERIODS[view] is Period.DAY else "UTC",
            **{"from": f"'{row['at']:%Y-%m-%d}'"},
        ),
    )
