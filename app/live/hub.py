"""All channels of this process: who listens to what, and what runs while they do."""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from .. import release
from ..data.repository import Repository
from ..errors import DatabaseUnavailableError, OverloadedError, UnavailableError
from ..grid import Grid
from ..metrics import Metrics
from ..models import Channel, Period
from ..settings import Settings
from . import events
from .board_news import BoardNews, NewestBoards
from .broadcaster import Broadcaster
from .catch_up import CatchUp, first_blocks
from .clock import DatabaseClock
from .cluster.consumer import Consumer
from .cluster.messaging import InProcess, Messaging
from .fanout import SLICE, Group, Subscription, Writer
from .health import RefreshJobs
from .heartbeat import Heartbeat
from .partials import Partials
from .permits import Permit, Permits
from .poller import Poller
from .resume import Resume, ResumeReader
from .series import Extent
from .subscriber import QueuedSubscriber

READY_TIMEOUT_SECONDS = 10.0

RETRY_MILLISECONDS = (1000, 4000)
"""How long a client waits before it connects again, spread so that they do not come at once."""


class Hub:
    """The broadcasters of this process, the groups that listen, and the pollers that feed them.

    `async with` it: pollers, writer and heartbeat run until it is left. With nobody listening
    none of them asks the database anything. While messages flow the pollers only load channels
    and look after what the messages leave out. `visitors` reads for those who come back, and must
    not hold the pollers up.
    """

    def __init__(
        self,
        repository: Repository,
        settings: Settings,
        metrics: Metrics,
        messaging: Messaging | None = None,
        newest_boards: NewestBoards | None = None,
        visitors: Repository | None = None,
    ) -> None:
        self.clock = DatabaseClock()
        self.jobs = RefreshJobs(repository, self.clock)
        self.draining = False
        self.listeners = 0
        self.page_version = release.version()
        self._settings = settings
        self._metrics = metrics
        self._grids = repository.grids
        self._broadcasters: dict[Channel, Broadcaster] = {}
        self._groups: dict[tuple[Channel, ...], Group] = {}
        self._writer = Writer(metrics)
        self._permits = Permits(metrics)
        self.boards = BoardNews(self._writer, newest_boards)
        seconds = settings.partial_seconds
        self._partials = Partials(repository, self._writer, seconds)
        self._messaging: Messaging = messaging or InProcess()
        self.pollers = {
            period: Poller(
                grid,
                repository,
                self.clock,
                self.jobs,
                self._flush,
                grace_seconds=settings.grace_seconds,
                extent=Extent.of(period, settings.correction_window),
                metrics=metrics,
                following=lambda: self._messaging.flowing,
            )
            for period, grid in repository.grids.items()
        }
        self._resume = ResumeReader(visitors or repository, self.pollers, self.clock)
        self._tasks: list[asyncio.Task[None]] = []
        self._task_group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._task_group.__aenter__()
        beat = self._settings.heartbeat_seconds
        heartbeat = Heartbeat(
            beat,
            self.clock,
            self._writer,
            self._metrics,
            lambda: list(self._groups.values()),
            self.page_version,
        )
        consumer = Consumer(
            self._broadcasters, self.pollers, self.clock, self._flush, self._metrics
        )
        runners = [poller.run() for poller in self.pollers.values()]
        runners += [self._writer.run(), heartbeat.run(), self._permits.run()]
        runners += [self._partials.run(), self.boards.run(), self._messaging.run(consumer)]
        self._tasks = [self._task_group.create_task(runner) for runner in runners]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await self._task_group.__aexit__(kind, error, trace)

    def grid(self, period: Period) -> Grid:
        """Return the grid of a period."""
        return self._grids[period]

    def live(self, channel: Channel) -> Broadcaster | None:
        """Return the broadcaster of a channel that somebody listens to and that is loaded."""
        broadcaster = self._broadcasters.get(channel)
        return broadcaster if broadcaster is not None and broadcaster.loaded else None

    def gauges(self) -> dict[str, float]:
        """Return what is open now, by the names that `app.metrics` has for it."""
        return {
            "processes": 1,
            "processes_listening": int(self._messaging.flowing),
            "streams_open": self.listeners,
            "channels_live": len(self._broadcasters),
        }

    @asynccontextmanager
    async def subscribe(
        self,
        channels: Sequence[Channel],
        cursors: Sequence[str],
        history: int,
        permit: Permit | None = None,
        left: Callable[[], None] | None = None,
        *,
        partial: bool = False,
        boards: Sequence[str] = (),
    ) -> AsyncIterator[Subscription]:
        """Listen to channels from where the cursors stand; the subscription starts with a preamble.

        It ends, with the event `end`, within a second of its permit saying so. `left` is called
        when the listener has left, also from a socket that was detached. With `partial` it also
        has the open buckets so far, and of each of `boards` it is told when somebody changes it.
        Raises UnavailableError while draining and where the first listener finds no database, and
        OverloadedError where as many streams are open as the settings allow.
        """
        self._admit()
        broadcasters = [self._hold(channel) for channel in dict.fromkeys(channels)]
        try:
            resume = Resume.read(cursors, broadcasters)
            if cursors or not all(broadcaster.loaded for broadcaster in broadcasters):
                async with asyncio.timeout(READY_TIMEOUT_SECONDS):
                    await self._load([b for b in broadcasters if not b.loaded])
                    await self._resume.prepare(resume, broadcasters)
            # Nothing is awaited from here to the group: between what is held here for the
            # newcomer and what its queue gets nothing can fall.
            self._admit()
            catch_ups = resume.catch_ups(broadcasters, history)
            subscription = self._join(broadcasters, left)
            if permit is not None:
                self._permits.add(subscription, permit)
            if partial:
                self._partials.add(subscription, subscription.channels)
            if boards:
                self.boards.add(subscription, boards)
        except TimeoutError:
            raise DatabaseUnavailableError("the database did not answer in time") from None
        finally:
            self._let_go(broadcasters)
        self._metrics.streams_opened += 1
        self._metrics.cursors_refused += len(resume.refused)
        try:
            subscription.preamble = await _preamble(catch_ups, subscription.cursor)
            yield subscription
        finally:
            if not subscription.detached:
                subscription.leave()

    def _admit(self) -> None:
        """Raise where no stream may be opened; asked again once it can be counted."""
        if self.draining:
            raise UnavailableError("the server is shutting down; another one will answer")
        if self.listeners >= self._settings.max_streams:
            raise OverloadedError("as many streams are open as KPI_MAX_STREAMS allows")

    async def _load(self, new: Sequence[Broadcaster]) -> None:
        """Have channels read from the database; raises DatabaseUnavailableError."""
        # From here on messages are missed no more, so what is loaded next is complete.
        await self._messaging.settled([broadcaster.channel for broadcaster in new])
        for period in sorted({broadcaster.grid.period for broadcaster in new}):
            await self.pollers[period].turn()

    def _join(
        self, broadcasters: Sequence[Broadcaster], left: Callable[[], None] | None
    ) -> Subscription:
        """Let a newcomer have all that is published from now on."""
        group = self._group(broadcasters)
        now = asyncio.get_running_loop().time()
        age = self._settings.stream_max_age.total_seconds() * random.uniform(0.8, 1.2)  # noqa: S311
        queue = QueuedSubscriber(now + age, self._metrics)
        group.join(queue)
        self.listeners += 1
        if left is None:
            return Subscription(group, queue, self._left)
        return Subscription(group, queue, functools.partial(self._left, left=left))

    def _left(self, subscription: Subscription, left: Callable[[], None] | None = None) -> None:
        self.listeners -= 1
        self._permits.discard(subscription)
        self._partials.discard(subscription)
        self.boards.discard(subscription)
        if left is not None:
            left()

    def _group(self, broadcasters: Sequence[Broadcaster]) -> Group:
        """Return the group of those who listen to just these channels."""
        key = tuple(sorted(broadcaster.channel for broadcaster in broadcasters))
        group = self._groups.get(key)
        if group is None:
            group = Group(key, broadcasters, self._writer.put, self._dissolve)
            self._groups[key] = group
            for broadcaster in broadcasters:
                broadcaster.groups.add(group)
        return group

    def _dissolve(self, group: Group) -> None:
        """Forget a group whose last member has left, and what nobody listens to any more."""
        del self._groups[group.channels]
        for channel in group.channels:
            broadcaster = self._broadcasters[channel]
            broadcaster.groups.discard(group)
            self._stop_if_idle(broadcaster)

    def _hold(self, channel: Channel) -> Broadcaster:
        """Return the broadcaster of a channel, which stays until it is let go."""
        broadcaster = self._broadcasters.get(channel)
        if broadcaster is None:
            broadcaster = Broadcaster(channel, self._grids[channel.period])
            self._broadcasters[channel] = broadcaster
            self.pollers[channel.period].watch(broadcaster)
            self._messaging.subscribe(channel)
        broadcaster.holds += 1
        return broadcaster

    def _let_go(self, broadcasters: Sequence[Broadcaster]) -> None:
        for broadcaster in broadcasters:
            broadcaster.holds -= 1
            self._stop_if_idle(broadcaster)

    def _stop_if_idle(self, broadcaster: Broadcaster) -> None:
        if broadcaster.idle:
            del self._broadcasters[broadcaster.channel]
            self.pollers[broadcaster.channel.period].unwatch(broadcaster)
            self._messaging.unsubscribe(broadcaster.channel)

    async def _flush(self) -> None:
        """Send what a tick has gathered, and wait until it is written."""
        left = SLICE
        for group in list(self._groups.values()):
            group.seal()
            left -= len(group.channels)
            if left <= 0:
                await asyncio.sleep(0)
                left = SLICE
        await self._writer.emptied()

    def refuse_more(self) -> None:
        """Take no more listeners from now on."""
        self.draining = True

    async def drain(self, seconds: float) -> None:
        """End all streams, spread over so many seconds."""
        members = [member for group in self._groups.values() for member in group.members]
        random.shuffle(members)
        slices = [members[first : first + SLICE] for first in range(0, len(members), SLICE)]
        for number, leaving in enumerate(slices):
            if number:
                await asyncio.sleep(seconds / len(slices))
            for subscriber in leaving:
                subscriber.close()


async def _preamble(catch_ups: list[CatchUp], cursor: str) -> bytes:
    return events.retry(RETRY_MILLISECONDS) + events.burst(await first_blocks(catch_ups), cursor)
