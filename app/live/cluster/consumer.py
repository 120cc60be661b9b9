"""Brings a publisher's messages to broadcasters, and notices when one was lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping

from ...metrics import Metrics
from ...models import Bucket, Channel, Period
from ..broadcaster import Broadcaster
from ..clock import DatabaseClock
from ..poller import Poller
from .messages import Beat, Message


class Consumer:
    """Takes in the messages of a gateway.

    Buckets from messages and from the database meet in the same series, so that it does not
    matter which came first or that both came.
    """

    def __init__(
        self,
        broadcasters: Mapping[Channel, Broadcaster],
        pollers: Mapping[Period, Poller],
        clock: DatabaseClock,
        flush: Callable[[], Awaitable[None]],
        metrics: Metrics,
    ) -> None:
        self._broadcasters = broadcasters
        self._pollers = pollers
        self._clock = clock
        self._flush = flush
        self._metrics = metrics
        self._moved: set[Period] = set()

    def take(self, channel: Channel, message: Message) -> None:
        """Take in a message; where one before it was lost, have the database looked at."""
        broadcaster = self._broadcasters.get(channel)
        if broadcaster is None:
            return
        poller = self._pollers[channel.period]
        if not broadcaster.loaded:
            # What is being loaded may have been read before this was.
            poller.suspect()
            return
        broadcaster.observe(_reachable(broadcaster, message.buckets))
        self._moved.add(channel.period)
        if broadcaster.series.token() == message.token:
            broadcaster.set_trouble(message.trouble)
        else:
            self.lost(channel)

    def lost(self, channel: Channel) -> None:
        """Have the database looked at for what a message said that was lost or unreadable."""
        self._metrics.messages_missed += 1
        self._pollers[channel.period].suspect()

    async def show(self, beat: Beat) -> None:
        """Let listeners have what was taken in; a publisher leads."""
        self._clock.set(beat.now)
        if self._moved:
            for period in self._moved:
                self._pollers[period].follow()
            self._moved.clear()
            await self._flush()

    def subscribed(self, channels: Collection[Channel]) -> None:
        """Have the database looked at for what came before messages of these channels did.

        From now on nothing is missed on them.
        """
        for channel in channels:
            broadcaster = self._broadcasters.get(channel)
            if broadcaster is not None and broadcaster.loaded:
                self._pollers[channel.period].suspect()

    def changed(self) -> None:
        """Let the pollers poll, or cease to."""
        for poller in self._pollers.values():
            poller.reconsider()


def _reachable(broadcaster: Broadcaster, buckets: list[Bucket]) -> list[Bucket]:
    """Return the buckets up to the first hole."""
    end = broadcaster.series.end
    reachable = []
    for bucket in buckets:
        if bucket.start > end:
            break
        reachable.append(bucket)
        if bucket.start == end:
            end = broadcaster.grid.next(end)
    return reachable
