"""The database service on its own: polls for all gateways, and tells them what is new."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from ...data.database import Database
from ...data.election import Leadership, elected
from ...data.repository import Repository
from ...errors import DatabaseUnavailableError, LeadershipLostError, UnavailableError
from ...grid import Grid
from ...metrics import Metrics
from ...models import Bucket, Channel
from ...settings import Settings
from ..clock import DatabaseClock
from ..health import RefreshJobs, Trouble
from ..poller import Poller
from ..series import Change, Extent, WatchedChannel
from .messages import BEAT_SECONDS, Beat, Message, channel_of
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


class PublishedChannel(WatchedChannel):
    """One channel as the publisher watches it, with what has not been published of it yet."""

    def __init__(self, name: str, channel: Channel, grid: Grid) -> None:
        super().__init__(channel, grid)
        self.name = name
        self.absences = 0
        """How often in a row Redis has left its topic out."""
        self.published_at = 0.0
        self.has_news = False
        self._changed: dict[int, Bucket] = {}

    def take(self, epoch: int, now: float) -> tuple[str, bytes]:
        """Return what is to be published now, as a topic and a message, and forget it."""
        buckets = [self._changed[start] for start in sorted(self._changed)]
        self._changed.clear()
        self.has_news = False
        self.published_at = now
        message = Message(epoch, self.series.token(), buckets, self._trouble)
        return self.name, message.encode()

    def _on_load(self, *, again: bool) -> None:
        # Gateways may have something else; they find out by the token.
        self._changed.clear()
        self.has_news = True

    def _on_change(self, change: Change, bucket: Bucket) -> None:
        self._changed[bucket.start] = bucket

    def _on_observed(self) -> None:
        self.has_news = True

    def _on_trouble(self, before: Trouble | None) -> None:
        if (before and before.reason) != (self._trouble and self._trouble.reason):
            self.has_news = True


class Publisher:
    """Publishes from an election to the first error.

    Any error ends it, and the next one loads everything anew and publishes each channel's token:
    so there is no other way of recovery that would have to be right.
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
        self._grids = repository.grids
        self._topics: dict[str, PublishedChannel] = {}
        self._publishing = asyncio.Lock()
        self._over: asyncio.Future[UnavailableError] = asyncio.get_running_loop().create_future()
        clock = DatabaseClock()
        jobs = RefreshJobs(repository, clock)
        self._pollers = {
            period: Poller(
                grid,
                repository,
                clock,
                jobs,
                self._publish_news,
                grace_seconds=settings.grace_seconds,
                extent=Extent.of(period, settings.correction_window),
                metrics=Metrics(),
            )
            for period, grid in repository.grids.items()
        }

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
            await self._publish_news()
            await asyncio.sleep(BEAT_SECONDS)

    async def _publish_news(self) -> None:
        """Publish all that is new, and that this publisher leads."""
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
            if topic.loaded and (topic.has_news or now - topic.published_at >= REPEAT_SECONDS)
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

    def _forget(self, names: set[str]) -> None:
        for found in list(self._topics.values()):
            found.absences = 0 if found.name in names else found.absences + 1
            if found.absences >= FORGET_AFTER:
                del self._topics[found.name]
                self._pollers[found.channel.period].unwatch(found)

    def _new(self, name: str) -> PublishedChannel | None:
        if name in self._topics:
            return None
        channel = channel_of(name, self._grids)
        return (
            None
            if channel is None
            else PublishedChannel(name, channel, self._grids[channel.period])
        )

    async def _watch(self, new: list[PublishedChannel]) -> None:
        for found in new:
            self._topics[found.name] = found
            self._pollers[found.channel.period].watch(found)
        for period in sorted({found.channel.period for found in new}):
            try:
                await self._pollers[period].turn()
            except DatabaseUnavailableError as error:
                _log.warning("cannot load %s channels: %s", period, error)
        await self._publish_news()


async def publish(
    settings: Settings,
    database: Database,
    publication: RedisPublication,
    tell: Callable[[str], None],
) -> None:
    """Publish whenever this process is elected, until cancelled.

    A process that cannot reach Redis is no candidate. `tell` is told in words what becomes of it.
    """
    repository = Repository(database, settings)

    def waiting() -> None:
        tell("another publisher leads; standing by")

    trouble = ""
    while True:
        try:
            await publication.reachable()
            trouble = ""
            async with elected(database, waiting) as leadership:
                tell(f"publishing, epoch {leadership.epoch}")
                await Publisher(repository, settings, publication, leadership).serve()
        except UnavailableError as error:
            if trouble != str(error):
                trouble = str(error)
                tell(f"not publishing: {error}")
        await asyncio.sleep(random.uniform(0.3, 0.8))  # noqa: S311
