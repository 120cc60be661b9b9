"""Keeps the watched channels of one period in step with the database, one query a tick."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ..data.definitions import AVERAGES, Definitions
from ..data.repository import Repository
from ..data.rows import Reading, by_code
from ..errors import ConfigurationError, DatabaseUnavailableError
from ..grid import Grid
from ..metrics import Metrics
from ..models import Bucket, Channel
from .clock import DatabaseClock
from .health import RefreshJobs, Trouble, lag
from .schedule import Schedule
from .series import Extent, Series, WatchedChannel

log = logging.getLogger(__name__)

SLICE = 64
"""Channels, or buckets published, between two looks at the event loop; about a millisecond."""

AWAY, MISFIT = "the database does not answer", "the database cannot be used as it is"


class Poller:
    """Watches channels of one period; asks nothing while there are none.

    All its series end at the same bucket, so that one range of one view answers for all. A *turn*
    loads new channels, then looks for newly complete buckets when one is due, then for
    corrections when they are due or asked for. While it is `following` a publisher, messages bring
    both, and it looks for itself only where they are late or seem to be lost.
    """

    def __init__(
        self,
        grid: Grid,
        repository: Repository,
        clock: DatabaseClock,
        jobs: RefreshJobs,
        flush: Callable[[], Awaitable[None]],
        *,
        grace_seconds: float,
        extent: Extent,
        metrics: Metrics,
        following: Callable[[], bool] = lambda: False,
    ) -> None:
        self.period = grid.period
        self.grid = grid
        self._repository = repository
        self._clock = clock
        self._jobs = jobs
        self._flush = flush
        self._grace_seconds = grace_seconds
        self._extent = extent
        self._metrics = metrics
        self._following = following
        self.schedule = Schedule(asyncio.get_running_loop().time, following)
        self._watched: dict[Channel, WatchedChannel] = {}
        self._outdated: set[WatchedChannel] = set()
        self._definitions = AVERAGES
        self._waiting: list[asyncio.Future[None]] = []
        self._wakeup = asyncio.Event()
        self._look_wanted = False
        self._lag: Trouble | None = None
        self._job_trouble: Trouble | None = None

    def watch(self, watched: WatchedChannel) -> None:
        """Keep a channel up to date from the next turn on."""
        self._watched[watched.channel] = watched

    def unwatch(self, watched: WatchedChannel) -> None:
        """Leave a channel alone."""
        self._watched.pop(watched.channel, None)
        self._outdated.discard(watched)

    async def turn(self, *, look: bool = False) -> None:
        """Wait until all that is watched is loaded; with `look` until it is in step, too.

        All who wait share one turn. Raises DatabaseUnavailableError.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._look_wanted = self._look_wanted or look
        self._wakeup.set()
        await done

    async def look_again(self) -> None:
        """Wait for a look at the database out of turn, unless there was one just now.

        Anybody can cause it with a cursor, so all who want one share it and then it rests. Raises
        DatabaseUnavailableError.
        """
        await self.turn(look=self.schedule.may_look)

    def suspect(self) -> None:
        """Look at the database soon, at a bounded rate: something may have been missed."""
        self.schedule.suspect()
        self._wakeup.set()

    def follow(self) -> None:
        """Take note that messages have moved series on: the next bucket is due later."""
        self._expect_next(self._clock.now())
        self._wakeup.set()

    def reconsider(self) -> None:
        """Take note that messages have begun to flow, or ceased to."""
        self.schedule.spread()
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
            except ConfigurationError as error:  # which somebody may mend meanwhile
                misfit = DatabaseUnavailableError(str(error), public=error.public)
                await self._failed(misfit, waiting, reason=MISFIT)
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
            delay = self.schedule.delay() if self._watched else None
            if delay is not None and delay <= 0:
                return
            try:
                async with asyncio.timeout(delay):
                    await self._wakeup.wait()
            except TimeoutError:
                continue

    async def _take_turn(self) -> None:
        """Load, advance and compare, as far as each is wanted or due."""
        look, self._look_wanted = self._look_wanted, False
        new = [watched for watched in self._watched.values() if not watched.loaded]
        if len(new) < len(self._watched) and (look or self.schedule.advance_due):
            await self._advance()
        if new:
            await self._load(new)
        if self._watched and (look or self.schedule.compare_due):
            await self._compare()
        if self._outdated:
            await self._load(list(self._outdated))
            await self._flush()
        self.schedule.succeeded()

    def _in_step(self) -> list[WatchedChannel]:
        """Return the channels that are loaded, which all end at about the same bucket."""
        return [watched for watched in self._watched.values() if watched.loaded]

    async def _load(self, new: list[WatchedChannel]) -> None:
        """Read the series of channels that have none, or that have missed more than they hold."""
        codes = [watched.channel.code for watched in new]
        # How far a reading may be behind is the jobs' to say.
        self._job_trouble = await self._jobs.trouble()
        reading = await self._repository.window(self.period, codes, self._extent.depth)
        self._answered(reading)
        rows = await by_code(reading)
        others = [watched for watched in self._in_step() if watched not in new]
        if not self._following() and any(w.series.end < reading.complete_until for w in others):
            # A bucket became complete between the two queries: bring the others along.
            await self._advance()
        for at, watched in enumerate(new, start=1):
            found = rows.get(watched.channel.code, {}).values()
            watched.set_target(reading.definitions.targets.get(watched.channel.code))
            self._outdated.discard(watched)
            until = reading.complete_until
            watched.load(Series(watched.channel, self.grid, found, until, self._extent))
            if at % SLICE == 0:
                await asyncio.sleep(0)
        self._expect_next(reading.now)
        self.schedule.loaded(first=not others)

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
        if self.grid.index(reading.complete_until) - self.grid.index(end) > self._extent.depth:
            await self._load(behind)
        else:
            await self._publish(behind, reading)
            self._expect_next(reading.now, asked_in_vain=reading.complete_until <= end)
        await self._flush()

    async def _publish(self, behind: list[WatchedChannel], reading: Reading) -> None:
        """Let each channel have what became complete, in slices that let others run."""
        rows = await by_code(reading)
        nothing: dict[int, Bucket] = {}
        left = SLICE
        for watched in behind:
            found = rows.get(watched.channel.code, nothing)
            buckets = watched.series.completed(found, reading.complete_until)
            watched.observe(buckets)
            left -= max(len(buckets), 1)
            if left <= 0:
                await asyncio.sleep(0)
                left = SLICE

    async def _compare(self) -> None:
        """Publish what has changed in the correction windows."""
        started = asyncio.get_running_loop().time()
        self.schedule.comparing()
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
            self._job_trouble = await self._jobs.trouble()
            self._tell_trouble()
            await self._flush()
        self.schedule.compared(asyncio.get_running_loop().time() - started)
        if moved:
            self.suspect()

    def _answered(self, reading: Reading) -> None:
        """Take note of the database's time, how far its aggregates are behind, and the targets."""
        self._define(reading.definitions)
        self._clock.set(reading.now)
        self._lag = lag(reading, self.grid, self._grace_seconds, self._jobs.delay_seconds)
        self._tell_trouble()

    def _define(self, definitions: Definitions) -> None:
        """Take note of targets, and of what must be read anew since it is made otherwise now."""
        before, self._definitions = self._definitions, definitions
        if definitions is not before:
            for watched in self._in_step():
                code = watched.channel.code
                watched.set_target(definitions.targets.get(code))
                if before.of(code) != definitions.of(code):
                    self._outdated.add(watched)

    def _tell_trouble(self) -> None:
        """Tell channels what is wrong with the aggregates of this period, if anything."""
        trouble = self._job_trouble or self._lag
        for watched in self._watched.values():
            watched.set_trouble(trouble)

    def _expect_next(self, now_seconds: float, *, asked_in_vain: bool = False) -> None:
        """Work out when the next bucket will be complete, by the database's clock."""
        ends = [watched.series.end for watched in self._in_step()]
        if ends:
            due = self.grid.next(min(ends)) + self._grace_seconds
            self.schedule.expect(due - now_seconds, asked_in_vain=asked_in_vain)

    async def _failed(
        self,
        error: DatabaseUnavailableError,
        waiting: list[asyncio.Future[None]],
        *,
        reason: str = AWAY,
    ) -> None:
        """Tell listeners, and those who wait, that the database did not answer."""
        self._metrics.database_failures += 1
        # While messages come in time, only somebody's question has failed.
        if self.schedule.overdue:
            for watched in self._in_step():
                watched.set_trouble(Trouble(reason, self._clock.last_answer))
            await self._flush()
        for done in waiting:
            if not done.done():
                done.set_exception(error)
        self.schedule.failed()
