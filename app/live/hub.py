"""All channels of this process: who listens to what, and what runs while they do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Self

from ..data.repository import Repository
from ..errors import DatabaseUnavailableError, OverloadedError, UnavailableError
from ..grid import Grid
from ..metrics import Metrics
from ..models import Bucket, Channel, Period
from ..settings import Settings
from . import events
from .broadcaster import Broadcaster
from .clock import DatabaseClock
from .cluster.consumer import Reception
from .cluster.messages import InProcess, Messaging
from .fanout import SLICE, Delivery, Group, Subscription, Writer
from .poller import Poller
from .preamble import Standing, retry_block
from .subscriber import Payload, QueuedSubscriber

SCREENFUL = 120
"""Buckets that a channel keeps at least; a snapshot of so many costs no query while it is live."""

READY_TIMEOUT_SECONDS = 10.0


def widths(settings: Settings, period: Period) -> tuple[int, int]:
    """Return how many buckets a series keeps, and how many of them are its correction window."""
    seconds = {Period.MINUTE: 60, Period.HOUR: 3600, Period.DAY: 86_400}[period]
    width = int(-(-settings.correction_window.total_seconds() // seconds)) + 1
    return max(SCREENFUL, width) + 1, width


class Hub:
    """The broadcasters of this process, their groups, and the pollers that feed them.

    `async with` it: pollers, writer and heartbeat run until it is left. With nobody listening
    none of them asks the database anything. While messages flow the pollers only load channels
    and look after what the messages leave out.
    """

    def __init__(
        self,
        repository: Repository,
        settings: Settings,
        metrics: Metrics,
        messaging: Messaging | None = None,
    ) -> None:
        self.clock = DatabaseClock()
        self._repository = repository
        self._settings = settings
        self._metrics = metrics
        self._grids = {period: Grid(period, settings.zone) for period in Period}
        self._broadcasters: dict[Channel, Broadcaster] = {}
        self._groups: dict[tuple[Channel, ...], Group] = {}
        self._writer = Writer(metrics)
        self._messaging: Messaging = messaging or InProcess()
        self._pollers = {period: self._make_poller(period) for period in Period}
        self._tasks: list[asyncio.Task[None]] = []
        self._task_group = asyncio.TaskGroup()
        self.draining = False
        self.listeners = 0

    def _make_poller(self, period: Period) -> Poller:
        depth, width = widths(self._settings, period)
        return Poller(
            period,
            self._grids[period],
            self._repository,
            self.clock,
            self._flush,
            grace_seconds=self._settings.grace_seconds,
            depth=depth,
            width=width,
            metrics=self._metrics,
            listening=lambda: self._messaging.flowing,
        )

    async def __aenter__(self) -> Self:
        await self._task_group.__aenter__()
        runners = [poller.run() for poller in self._pollers.values()]
        runners += [self._writer.run(), self._beat(), self._messaging.run(self._make_ear())]
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

    def _make_ear(self) -> Reception:
        return Reception(self._broadcasters, self._pollers, self.clock, self._flush, self._metrics)

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
        self, channels: Sequence[Channel], cursors: Sequence[str], history: int
    ) -> AsyncIterator[Subscription]:
        """Listen to channels from where the cursors stand; the subscription starts with a preamble.

        Raises UnavailableError while draining and where the first listener finds no database.
        """
        if self.draining:
            raise UnavailableError("the server is shutting down; another one will answer")
        if self.listeners >= self._settings.max_streams:
            raise OverloadedError("as many streams are open as KPI_MAX_STREAMS allows")
        broadcasters = [self._hold(channel) for channel in dict.fromkeys(channels)]
        standing = Standing()
        older: dict[Channel, dict[int, Bucket]] = {}
        try:
            if cursors or not all(broadcaster.loaded for broadcaster in broadcasters):
                async with asyncio.timeout(READY_TIMEOUT_SECONDS):
                    standing, older = await self._prepare(broadcasters, cursors)
            # Nothing is awaited from here to the group: between preamble and stream
            # nothing can fall.
            subscription = self._join(broadcasters, standing, older, history)
        except TimeoutError:
            raise DatabaseUnavailableError("the database did not answer in time") from None
        finally:
            self._let_go(broadcasters)
        try:
            yield subscription
        finally:
            if not subscription.handed_over:
                subscription.leave()

    async def _prepare(
        self, broadcasters: list[Broadcaster], cursors: Sequence[str]
    ) -> tuple[Standing, dict[Channel, dict[int, Bucket]]]:
        """Load what is not loaded, and read what the cursors need from before it."""
        new = [broadcaster for broadcaster in broadcasters if not broadcaster.loaded]
        # From here on messages are missed no more, so what is loaded next is complete.
        await self._messaging.settled([broadcaster.channel for broadcaster in new])
        await self._turn(new)
        standing = Standing.read(cursors, broadcasters)
        # Another process may have published further than this one: look before calling it wrong.
        await self._turn(standing.ahead(broadcasters), compare=True)
        standing.check(broadcasters)
        older = await self._older(standing.needs_older(broadcasters))
        corrected = standing.corrected(broadcasters, older)
        if corrected:
            # Or have published a correction that this one has not seen. Without the database
            # what was published here stands.
            with suppress(DatabaseUnavailableError):
                await self._turn(corrected, compare=True)
        return standing, older

    async def _turn(self, broadcasters: Iterable[Broadcaster], *, compare: bool = False) -> None:
        for period in sorted({broadcaster.grid.period for broadcaster in broadcasters}):
            await self._pollers[period].turn(compare=compare)

    async def _older(self, needed: dict[Broadcaster, int]) -> dict[Channel, dict[int, Bucket]]:
        older: dict[Channel, dict[int, Bucket]] = {}
        for period in sorted({broadcaster.grid.period for broadcaster in needed}):
            firsts = {b.channel.code: at for b, at in needed.items() if b.grid.period == period}
            reading = await self._repository.since(period, firsts)
            for code, bucket in reading.rows:
                older.setdefault(Channel(code, period), {})[bucket.start] = bucket
        return older

    def _join(
        self,
        broadcasters: list[Broadcaster],
        standing: Standing,
        older: dict[Channel, dict[int, Bucket]],
        history: int,
    ) -> Subscription:
        group = self._group(broadcasters)
        blocks = standing.blocks(broadcasters, older, history)
        preamble = retry_block() + events.burst(blocks, group.cursor())
        now = asyncio.get_running_loop().time()
        age = self._settings.stream_max_age.total_seconds() * random.uniform(0.8, 1.2)  # noqa: S311
        queue = QueuedSubscriber(now + age, self._metrics)
        group.join(queue)
        self._metrics.streams_opened += 1
        self._metrics.cursors_refused += len(standing.refused)
        self.listeners += 1
        return Subscription(group, queue, preamble, self._left)

    def _left(self) -> None:
        self.listeners -= 1

    def _group(self, broadcasters: list[Broadcaster]) -> Group:
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
        broadcaster = self._broadcasters.get(channel)
        if broadcaster is None:
            broadcaster = Broadcaster(channel, self._grids[channel.period])
            self._broadcasters[channel] = broadcaster
            self._pollers[channel.period].watch(broadcaster)
            self._messaging.subscribe(channel)
        broadcaster.holds += 1
        return broadcaster

    def _let_go(self, broadcasters: list[Broadcaster]) -> None:
        for broadcaster in broadcasters:
            broadcaster.holds -= 1
            self._stop_if_idle(broadcaster)

    def _stop_if_idle(self, broadcaster: Broadcaster) -> None:
        if broadcaster.idle:
            del self._broadcasters[broadcaster.channel]
            self._pollers[broadcaster.channel.period].unwatch(broadcaster)
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

    async def _beat(self) -> None:
        """Send a ping to everybody before the silence gets too long; end streams of full age."""
        while True:
            await asyncio.sleep(self._settings.heartbeat_seconds * 0.9)
            if self._writer.busy:
                continue
            time = {"time": events.timestamp(round(self.clock.now(), 3))}
            payload = Payload(events.burst([events.fields("ping", events.dumps(time))]))
            now = asyncio.get_running_loop().time()
            for group in list(self._groups.values()):
                members = list(group.members)
                self._writer.put(Delivery(payload, members))
                for subscriber in members:
                    if subscriber.expires <= now:
                        self._metrics.streams_expired += 1
                        subscriber.close()
            await self._writer.emptied()

    async def step(self) -> None:
        """Bring everything that is listened to in step with the database now."""
        for poller in self._pollers.values():
            await poller.turn(compare=True)

    def refuse_more(self) -> None:
        """Take no more listeners from now on."""
        self.draining = True

    async def drain(self, seconds: float) -> None:
        """End all streams, spread over so many seconds."""
        members = [m for group in self._groups.values() for m in group.members]
        random.shuffle(members)
        slices = [members[first : first + SLICE] for first in range(0, len(members), SLICE)]
        for number, leaving in enumerate(slices):
            if number:
                await asyncio.sleep(seconds / len(slices))
            for subscriber in leaving:
                subscriber.close()
