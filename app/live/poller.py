"""Keeps the watched channels of one period in step with the database, one query a tick."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from ..data.repository import Reading, Repository
from ..errors import DatabaseUnavailableError
from ..grid import Grid
from ..metrics import Metrics
from ..models import Bucket, Channel, Period
from .clock import DatabaseClock
from .series import Series

log = logging.getLogger(__name__)

SLICE = 64
"""Channels between two looks at the event loop; about a millisecond's work."""

SLICE_ROWS = 4_000
"""Rows put in their place between two looks at the event loop."""

COMPARE_SECONDS = 5.0
"""The least time between two looks for corrections."""

COMPARE_SHARE = 20
"""A look for corrections is followed by a rest this many times as long, so that it costs the
database at most 5 % of one core, however many channels there are."""

LONGEST_SLEEP_SECONDS = 600.0
"""The monotonic clock and the database's drift apart; they are compared at least this often."""

LATE_RETRY_SECONDS = (0.02, 0.1, 0.5, 1.0)
"""When to ask again for a bucket that the database did not yet hold to be complete."""

TOLERATED_BUCKETS_BEHIND = 2
"""So many complete buckets may wait for their refresh before that is called stale."""

JOBS_SECONDS = 20.0
"""The least time between two looks at the jobs that refresh the aggregates."""

FAILURE_RETRY_SECONDS = (0.25, 0.5, 1.0, 2.0, 4.0)

MESSAGE_SECONDS = 1.5
"""How late a message may be before its bucket is read from the database."""

SUSPICION_SECONDS = 1.0
"""The least time between two looks at the database because a message seems to be lost."""


def _never() -> bool:
    return False


class Watched(Protocol):
    """A channel as a poller sees it."""

    @property
    def channel(self) -> Channel:
        """Which channel this is."""

    @property
    def loaded(self) -> bool:
        """Whether it has a series."""

    @property
    def series(self) -> Series:
        """What was published so far; only once loaded."""

    def load(self, series: Series) -> None:
        """Start from what the database has now."""

    def observe(self, buckets: Iterable[Bucket]) -> None:
        """Publish what is new or changed."""

    def trouble(self, reason: str | None, since: float | None) -> None:
        """Take note that the data cannot be read since then, or (None) that it can."""


class Poller:
    """Watches channels of one period; asks nothing while there are none.

    All its series end at the same bucket, so that one range of one view answers for all. A *turn*
    loads new channels, then looks for newly complete buckets when one is due, then for
    corrections when they are due or asked for. While it is `listening` messages bring both, and
    it looks for itself only where they are late or seem to be lost.
    """

    def __init__(
        self,
        period: Period,
        grid: Grid,
        repository: Repository,
        clock: DatabaseClock,
        flush: Callable[[], Awaitable[None]],
        *,
        grace_seconds: float,
        depth: int,
        width: int,
        metrics: Metrics,
        listening: Callable[[], bool] = _never,
    ) -> None:
        self.period = period
        self.grid = grid
        self._repository = repository
        self._clock = clock
        self._flush = flush
        self._grace_seconds = grace_seconds
        self._depth = depth
        self._width = width
        self._watched: dict[Channel, Watched] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._wakeup = asyncio.Event()
        self._metrics = metrics
        self._listening = listening
        self._compare_wanted = False
        self._advance_wanted = False
        self._advance_at = 0.0
        self._compare_at = 0.0
        self._suspect_at = math.inf
        self._rested_at = 0.0
        self._late = 0
        self._failures = 0
        self._behind: tuple[str, float] | None = None
        self._jobs: tuple[str, float] | None = None
        self._jobs_at = 0.0

    def watch(self, watched: Watched) -> None:
        """Keep a channel up to date from the next turn on."""
        self._watched[watched.channel] = watched

    def unwatch(self, watched: Watched) -> None:
        """Leave a channel alone."""
        self._watched.pop(watched.channel, None)

    async def turn(self, *, compare: bool = False) -> None:
        """Wait until all that is watched is loaded and in step, also corrections if asked for.

        All who wait share one turn. Raises DatabaseUnavailableError.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._compare_wanted = self._compare_wanted or compare
        self._advance_wanted = self._advance_wanted or compare
        self._wakeup.set()
        await done

    def suspect(self) -> None:
        """Look at the database soon, at a bounded rate: something may have been missed."""
        soon = max(asyncio.get_running_loop().time(), self._rested_at)
        self._suspect_at = min(self._suspect_at, soon)
        self._wakeup.set()

    def follow(self) -> None:
        """Take note that messages have moved series on: the next bucket is due later."""
        self._schedule(self._clock.now())
        self._wakeup.set()

    def reconsider(self) -> None:
        """Take note that messages have begun to flow, or ceased to."""
        loop = asyncio.get_running_loop()
        # Every gateway hears the same silence: they do not all ask at once.
        self._compare_at = loop.time() + COMPARE_SECONDS * random.uniform(0.2, 1.0)  # noqa: S311
        self._wakeup.set()

    async def run(self) -> None:
        """Take turns until cancelled."""
        while True:
            await self._until_due()
            waiting, self._waiting = self._waiting, []
            try:
                await self._take_turn()
            except DatabaseUnavailableError as error:
                await self._failed(error, waiting)
            except Exception as error:  # a fault of ours must not end the polling for good
                log.exception("polling %s failed", self.period)
                unavailable = DatabaseUnavailableError(f"polling failed: {error!r}")
                await self._failed(unavailable, waiting)
            else:
                for done in waiting:
                    if not done.done():
                        done.set_result(None)

    async def _until_due(self) -> None:
        """Sleep until a bucket is complete, corrections are due or somebody waits."""
        while not self._waiting:
            self._wakeup.clear()
            now = asyncio.get_running_loop().time()
            delay = min(self._advance_due, self._compare_due) - now if self._watched else None
            if delay is not None and delay <= 0:
                return
            try:
                async with asyncio.timeout(
                    None if delay is None else min(delay, LONGEST_SLEEP_SECONDS)
                ):
                    await self._wakeup.wait()
            except TimeoutError:
                continue

    @property
    def _advance_due(self) -> float:
        """When to look for complete buckets, in loop time."""
        return self._advance_at + (MESSAGE_SECONDS if self._listening() else 0.0)

    @property
    def _compare_due(self) -> float:
        """When to look for corrections, in loop time."""
        if self._listening():
            return self._suspect_at
        return min(self._compare_at, self._suspect_at)

    async def _take_turn(self) -> None:
        loop = asyncio.get_running_loop()
        new = [watched for watched in self._watched.values() if not watched.loaded]
        suspicious = loop.time() >= self._suspect_at
        wanted = self._advance_wanted or suspicious
        if len(new) < len(self._watched) and (wanted or loop.time() >= self._advance_due):
            await self._advance()
        self._advance_wanted = False
        if new:
            await self._load(new)
        if self._compare_wanted or (self._watched and loop.time() >= self._compare_due):
            self._compare_wanted = False
            self._suspect_at = math.inf
            await self._compare()
        self._failures = 0

    def _in_step(self) -> list[Watched]:
        return [watched for watched in self._watched.values() if watched.loaded]

    async def _load(self, new: list[Watched]) -> None:
        codes = [watched.channel.code for watched in new]
        reading = await self._repository.window(self.period, codes, self._depth)
        self._answered(reading)
        rows = await _by_code(reading)
        behind = any(w.series.end < reading.complete_until for w in self._in_step())
        if behind and not self._listening():
            # A bucket became complete between the two queries: bring the others along.
            await self._advance()
        for at, watched in enumerate(new):
            watched.load(
                Series(
                    watched.channel,
                    self.grid,
                    rows.get(watched.channel.code, {}).values(),
                    reading.complete_until,
                    depth=self._depth,
                    width=self._width,
                )
            )
            if at % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        self._schedule(reading.now)
        if self._compare_at == 0.0 or len(new) == len(self._watched):
            self._compare_at = asyncio.get_running_loop().time() + COMPARE_SECONDS

    async def _advance(self) -> None:
        """Publish the buckets that became complete."""
        behind = self._in_step()
        if not behind:
            return
        end = min(watched.series.end for watched in behind)
        after = self.grid.shift(end, -1)
        codes = [watched.channel.code for watched in behind]
        await asyncio.sleep(0)
        reading = await self._repository.new_buckets(self.period, codes, after)
        self._answered(reading)
        rows = await _by_code(reading)
        nothing: dict[int, Bucket] = {}
        for at, watched in enumerate(behind):
            found = rows.get(watched.channel.code, nothing)
            watched.observe(watched.series.completed(found, reading.complete_until))
            if at % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        self._schedule(reading.now, late=reading.complete_until <= end)
        await self._flush()

    async def _compare(self) -> None:
        """Publish what has changed in the correction windows."""
        started = asyncio.get_running_loop().time()
        moved = False
        loaded = self._in_step()
        if loaded:
            first = min(watched.series.window_start for watched in loaded)
            until = min(watched.series.end for watched in loaded)
            # While messages arrive some series may already be further: those look again.
            compared = [watched for watched in loaded if watched.series.end == until]
            digests = {w.channel.code: w.series.window_digest() for w in compared}
            await asyncio.sleep(0)
            changed = await self._repository.differing(self.period, digests, first, until)
            moved = len(compared) < len(loaded)
            for watched in compared:
                buckets = changed.get(watched.channel.code)
                if buckets is None:
                    continue
                series = watched.series
                if series.end == until and series.window_digest() == digests[watched.channel.code]:
                    watched.observe(series.compared(buckets))
                else:
                    moved = True
            await self._look_at_jobs()
            await self._flush()
        ended = asyncio.get_running_loop().time()
        rest = COMPARE_SHARE * (ended - started)
        self._compare_at = ended + max(COMPARE_SECONDS, rest)
        self._rested_at = ended + max(SUSPICION_SECONDS, rest)
        if moved:
            self.suspect()

    def _answered(self, reading: Reading) -> None:
        """Take note of the database's time, and of how far its aggregates are behind it."""
        self._clock.set(reading.now)
        grid = self.grid
        expected = grid.index(reading.now - self._grace_seconds)
        behind = expected - grid.index(reading.complete_until) >= TOLERATED_BUCKETS_BEHIND
        reason = "the aggregates are not being refreshed"
        self._behind = (reason, reading.complete_until) if behind else None
        self._judge()

    async def _look_at_jobs(self) -> None:
        """Take note of whether whatever refreshes the aggregates does its work."""
        now = asyncio.get_running_loop().time()
        if now >= self._jobs_at:
            self._jobs_at = now + JOBS_SECONDS
            reason = await self._repository.refresh_trouble()
            if reason is None:
                self._jobs = None
            elif self._jobs is None or self._jobs[0] != reason:
                self._jobs = (reason, self._clock.now())
        self._judge()

    def _judge(self) -> None:
        reason, since = self._jobs or self._behind or (None, None)
        for watched in self._watched.values():
            watched.trouble(reason, since)

    def _schedule(self, now: float, *, late: bool = False) -> None:
        """Work out when the next bucket will be complete, by the database's clock."""
        ends = [watched.series.end for watched in self._in_step()]
        if not ends:
            return
        due = self.grid.next(min(ends)) + self._grace_seconds
        if late and due <= now:
            # Complete by the clock, but the database's views are not there yet.
            delay = LATE_RETRY_SECONDS[min(self._late, len(LATE_RETRY_SECONDS) - 1)]
            self._late += 1
        else:
            self._late = 0
            delay = max(due - now, LATE_RETRY_SECONDS[0])
        self._advance_at = asyncio.get_running_loop().time() + min(delay, LONGEST_SLEEP_SECONDS)

    async def _failed(
        self, error: DatabaseUnavailableError, waiting: list[asyncio.Future[None]]
    ) -> None:
        self._metrics.database_failures += 1
        # While messages come in time, only somebody's question has failed.
        late = not self._listening() or asyncio.get_running_loop().time() >= self._advance_due
        if late:
            for watched in self._in_step():
                watched.trouble("the database does not answer", self._clock.last_answer)
            await self._flush()
        for done in waiting:
            if not done.done():
                done.set_exception(error)
        delay = FAILURE_RETRY_SECONDS[min(self._failures, len(FAILURE_RETRY_SECONDS) - 1)]
        self._failures += 1
        again = asyncio.get_running_loop().time() + delay * random.uniform(0.8, 1.2)  # noqa: S311
        if late:
            self._advance_at = self._compare_at = again
        if self._suspect_at < again:
            self._suspect_at = again


async def _by_code(reading: Reading) -> dict[str, dict[int, Bucket]]:
    rows: dict[str, dict[int, Bucket]] = {}
    for at, (code, bucket) in enumerate(reading.rows):
        rows.setdefault(code, {})[bucket.start] = bucket
        if at % SLICE_ROWS == SLICE_ROWS - 1:
            await asyncio.sleep(0)
    return rows
