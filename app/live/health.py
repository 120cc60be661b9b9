"""Whether a channel's data flows: judged here alone, for snapshots and streams alike."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..data.repository import Repository
from ..data.rows import Reading
from ..grid import Grid
from ..models import Bucket
from .clock import DatabaseClock

ALWAYS_TOLERATED_GAPS = 1

TOLERATED_BUCKETS_BEHIND = 2
"""So many complete buckets may wait for their refresh before that is called stale."""

JOBS_SECONDS = 20.0
"""The least time between two looks at the jobs that refresh the aggregates."""

NO_DATA = "no data yet"
NO_NEW_ROWS = "no new rows"
NOT_REFRESHED = "the aggregates are not being refreshed"


class Trouble(NamedTuple):
    """Why data cannot be relied on, and since when in seconds; None where that is not known."""

    reason: str
    since: float | None


@dataclass(frozen=True, slots=True)
class Health:
    """Whether data flows on a channel: `state` is `live` or `stale`, `since` in seconds."""

    state: str
    reason: str | None = None
    since: float | None = None


LIVE = Health("live")


def judge(buckets: Sequence[Bucket], trouble: Trouble | None) -> Health:
    """Return the health of a channel from its series and what troubles its period, if anything."""
    trouble = trouble or silence(buckets)
    return LIVE if trouble is None else Health("stale", *trouble)


def silence(buckets: Sequence[Bucket]) -> Trouble | None:
    """Return the silence at the end of `buckets`, None while it is not unusual.

    `buckets` are oldest first, without a hole. Unusual is a run of gaps longer than the longest
    before it between two values, and longer than one: a KPI that reports every minute is stale
    after two silent minutes, one that reports every quarter of an hour after fifteen.
    """
    if buckets and buckets[-1].value is not None:
        return None
    longest = run = 0
    run_start: int | None = None
    has_value = False
    for bucket in buckets:
        if bucket.value is None:
            if run == 0:
                run_start = bucket.start
            run += 1
        else:
            if has_value:
                longest = max(longest, run)
            has_value = True
            run = 0
    if not has_value:
        return Trouble(NO_DATA, None)
    if run > max(longest, ALWAYS_TOLERATED_GAPS):
        return Trouble(NO_NEW_ROWS, run_start)
    return None


def lag(
    reading: Reading, grid: Grid, grace_seconds: float, delay_seconds: float = 0.0
) -> Trouble | None:
    """Return the trouble of aggregates that are too far behind the database's clock, if they are.

    `delay_seconds` is how long a bucket may wait for its refresh as the jobs are set up.
    So that what was not refreshed yet is not taken for a gap, a reading ends before it.
    """
    expected = grid.index(reading.now - grace_seconds - delay_seconds)
    behind = expected - grid.index(reading.complete_until)
    if behind < TOLERATED_BUCKETS_BEHIND:
        return None
    return Trouble(NOT_REFRESHED, reading.complete_until)


class RefreshJobs:
    """Whether whatever refreshes the aggregates does its work, remembered for a little while."""

    def __init__(self, repository: Repository, clock: DatabaseClock) -> None:
        self._repository = repository
        self._clock = clock
        self.delay_seconds = 0.0
        """How long a bucket may wait for its refresh, as of the last look."""
        self._trouble: Trouble | None = None
        self._looked_at = -JOBS_SECONDS

    async def trouble(self) -> Trouble | None:
        """Return what is wrong with the jobs, if anything; raises DatabaseUnavailableError."""
        now = asyncio.get_running_loop().time()
        if now - self._looked_at >= JOBS_SECONDS:
            self._looked_at = now
            reason, self.delay_seconds = await self._repository.refresh_health()
            if reason is None:
                self._trouble = None
            elif self._trouble is None or self._trouble.reason != reason:
                self._trouble = Trouble(reason, self._clock.now())
        return self._trouble
