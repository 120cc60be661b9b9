"""The database service on its own: polls for all gateways, and tells them what is new."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable

from ...data.database import Database
from ...data.election import Leadership, elected
from ...data.repository import Repository
from ...errors import DatabaseUnavailableError, LeadershipLostError, UnavailableError
from ...grid import Grid
from ...metrics import Metrics
from ...models import Bucket, Channel, Period
from ...settings import Settings
from ..clock import DatabaseClock
from ..hub import widths
from ..poller import Poller
from ..series import Series
from .messages import BEAT_SECONDS, Beat, Message, channel_of, token
from .redis_publication import RedisPublication

FORGET_AFTER = 3
"""A topic that Redis has left out so often has no listener any more. Gateways that lost their
connection have subscribed again by then, and nothing need be loaded anew."""

DISCOVERY_SHARE = 20
"""Asking for the topics is followed by a rest this many times as long: reading 100,000 of them
takes half a second."""

TOGETHER = 1000
"""Channels that are loaded in one go: a term must not be lost over the reading of a long answer."""

REPEAT_SECONDS = 60.0
"""How often each channel's token is published when there is nothing new, so that whatever went
wrong with its last message is noticed."""

_log = logging.getLogger(__name__)


class Topic:
    """One channel as the publisher watches it: its series, and what has not been said of it."""

    def __init__(self, name: str, channel: Channel, grid: Grid) -> None:
        self.name = name
        self.channel = channel
        self.unheard = 0
        self.said_at = 0.0
        self.news = False
        self._grid = grid
        self._series: Series | None = None
        self._changed: dict[int, Bucket] = {}
        self._trouble: tuple[str | None, float | None] = (None, None)

    @property
    def loaded(self) -> bool:
        """Whether the series has been read from the database."""
        return self._series is not None

    @property
    def series(self) -> Series:
        """What was seen so far; only once loaded."""
        if self._series is None:
            raise LookupError(f"{self.channel} is not loaded")
        return self._series

    def load(self, series: Series) -> None:
        """Start from what the database has now: gateways may have something else."""
        self._series = series
        self.news = True

    def observe(self, buckets: Iterable[Bucket]) -> None:
        """Keep what is new or changed until it is said."""
        for bucket in buckets:
            if self.series.observe(bucket) is not None:
                self._changed[bucket.start] = bucket
                self.news = True

    def trouble(self, reason: str | None, since: float | None) -> None:
        """Keep why the data cannot be relied on, or (None) that it can."""
        if (reason is None) != (self._trouble[0] is None) or reason != self._trouble[0]:
            self.news = True
        self._trouble = (reason, since)

    def take(self, epoch: int, now: float) -> tuple[str, bytes]:
        """Return what is to be said now, as a topic and a message, and take it for said."""
        buckets = [self._changed[start] for start in sorted(self._changed)]
        self._changed.clear()
        self.news = False
        self.said_at = now
        message = Message(epoch, token(self.series), buckets, self._trouble)
        return self.name, message.encode()


class Publisher:
    """One term in office: from an election to the first thing that goes wrong.

    Whatever goes wrong ends the term, and the next one loads everything anew and says where each
    channel stands: so there is no other way of recovery that would have to be right.
    """

    def __init__(
        self,
        repository: Repository,
        settings: Settings,
        publication: RedisPublication,
        leadership: Leadership,
    ) -> None:
        self._publication = publication
        self._leadership = leadership
        self._grids = {period: Grid(period, settings.zone) for period in Period}
        self._topics: dict[str, Topic] = {}
        self._publishing = asyncio.Lock()
        self._over: asyncio.Future[UnavailableError] = asyncio.get_running_loop().create_future()
        clock, metrics = DatabaseClock(), Metrics()
        self._pollers = {}
        for period, grid in self._grids.items():
            depth, width = widths(settings, period)
            self._pollers[period] = Poller(
                period,
                grid,
                repository,
                clock,
                self._say,
                grace_seconds=settings.grace_seconds,
                depth=depth,
                width=width,
                metrics=metrics,
            )

    async def serve(self) -> None:
        """Poll and publish until the term is over; raises UnavailableError, which says why."""
        async with asyncio.TaskGroup() as group:
            runners = [poller.run() for poller in self._pollers.values()]
            runners += [self._hold(), self._beat(), self._discover()]
            tasks = [group.create_task(runner) for runner in runners]
            try:
                error = await self._over
            finally:
                for task in tasks:
                    task.cancel()
        raise error

    def _end(self, error: UnavailableError) -> None:
        if not self._over.done():
            self._over.set_result(error)

    async def _hold(self) -> None:
        try:
            await self._leadership.hold()
        except LeadershipLostError as error:
            self._end(error)

    async def _beat(self) -> None:
        while True:
            await self._say()
            await asyncio.sleep(BEAT_SECONDS)

    async def _say(self) -> None:
        """Say all that is new, and that this publisher leads."""
        async with self._publishing:
            if self._over.done():
                return
            try:
                now = await self._leadership.verify()
                beat = Beat(self._leadership.epoch, now)
                await self._publication.publish(beat, self._take_news())
            except UnavailableError as error:
                self._end(error)

    def _take_news(self) -> list[tuple[str, bytes]]:
        now = asyncio.get_running_loop().time()
        epoch = self._leadership.epoch
        return [
            topic.take(epoch, now)
            for topic in self._topics.values()
            if topic.loaded and (topic.news or now - topic.said_at >= REPEAT_SECONDS)
        ]

    async def _discover(self) -> None:
        """Watch what somebody listens to, and nothing else."""
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            try:
                names = set(await self._publication.topics())
            except UnavailableError as error:
                self._end(error)
                return
            took = clock() - began
            self._forget(names)
            new = [found for name in names if (found := self._new(name)) is not None]
            for first in range(0, len(new), TOGETHER):
                await self._watch(new[first : first + TOGETHER])
            await asyncio.sleep(max(BEAT_SECONDS, took * DISCOVERY_SHARE))

    def _forget(self, heard: set[str]) -> None:
        for found in list(self._topics.values()):
            found.unheard = 0 if found.name in heard else found.unheard + 1
            if found.unheard >= FORGET_AFTER:
                del self._topics[found.name]
                self._pollers[found.channel.period].unwatch(found)

    def _new(self, name: str) -> Topic | None:
        if name in self._topics:
            return None
        channel = channel_of(name, self._grids)
        return None if channel is None else Topic(name, channel, self._grids[channel.period])

    async def _watch(self, new: list[Topic]) -> None:
        for found in new:
            self._topics[found.name] = found
            self._pollers[found.channel.period].watch(found)
        for period in sorted({found.channel.period for found in new}):
            try:
                await self._pollers[period].turn()
            except DatabaseUnavailableError as error:
                _log.warning("cannot load %s channels: %s", period, error)
        await self._say()


async def publish(
    settings: Settings,
    database: Database,
    publication: RedisPublication,
    tell: Callable[[str], None],
) -> None:
    """Be elected, publish, and stand again when a term is over, until cancelled.

    A process that cannot reach Redis does not stand. `tell` is told in words what becomes of it.
    """
    repository = Repository(database, settings)

    def waiting() -> None:
        tell("another publisher leads; standing by")

    while True:
        try:
            await publication.reachable()
            async with elected(database, waiting) as leadership:
                tell(f"publishing, epoch {leadership.epoch}")
                await Publisher(repository, settings, publication, leadership).serve()
        except UnavailableError as error:
            tell(f"not publishing: {error}")
        await asyncio.sleep(random.uniform(0.3, 0.8))  # noqa: S311
