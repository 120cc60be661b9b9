"""One burst to all who listen to the same channels: groups, their subscriptions, the one writer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..metrics import Metrics
from ..models import Channel
from . import cursor, events
from .series import WatchedChannel
from .subscriber import Payload, QueuedSubscriber, Subscriber

SLICE = 128
"""Writes between two looks at the event loop: at about 10 µs each, a stall of a millisecond."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One burst and those who were listening when it began."""

    payload: Payload
    recipients: Sequence[Subscriber]


class Group:
    """The listeners of one set of channels.

    Because a cursor is made from the data alone, it is the same for everybody here: a burst is
    made once, id included. The events of one tick are gathered and leave as one burst. A newcomer
    has in its preamble all that was gathered before it came, so what is gathered is sealed then
    and goes to the others alone.
    """

    def __init__(
        self,
        channels: tuple[Channel, ...],
        watched: Sequence[WatchedChannel],
        send: Callable[[Delivery], None],
        dissolve: Callable[[Group], None],
    ) -> None:
        self.channels = channels
        self.members: set[Subscriber] = set()
        self._watched = watched
        self._send = send
        self._dissolve = dissolve
        self._blocks: list[bytes] = []
        self._recipients: list[Subscriber] = []

    def cursor(self) -> str:
        """Return the cursor of a listener that is up to date."""
        return cursor.join(watched.series.token() for watched in self._watched)

    def append(self, block: bytes) -> None:
        """Add an event to the burst."""
        if not self._blocks:
            self._recipients = list(self.members)
        self._blocks.append(block)

    def seal(self) -> None:
        """Send what was gathered."""
        if self._blocks and self._recipients:
            payload = Payload(events.burst(self._blocks, self.cursor()))
            self._send(Delivery(payload, self._recipients))
        self._blocks = []
        self._recipients = []

    def join(self, subscriber: Subscriber) -> None:
        """Let a subscriber have all that comes from now on."""
        self.seal()
        self.members.add(subscriber)

    def replace(self, old: Subscriber, new: Subscriber) -> None:
        """Put a subscriber in the place of another, also in bursts that are on their way."""
        self.seal()
        self.members.remove(old)
        self.members.add(new)

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a subscriber; with the last one the group dissolves."""
        if subscriber in self.members:
            self.members.remove(subscriber)
            if not self.members:
                self._dissolve(self)


class Subscription:
    """One subscriber's place in a group.

    `preamble` is what its stream begins with; `cursor` that of the end of the preamble, taken when
    the subscription was made.
    """

    __slots__ = ("_group", "_left", "_subscriber", "cursor", "detached", "preamble", "queue")

    def __init__(
        self, group: Group, queue: QueuedSubscriber, left: Callable[[Subscription], None]
    ) -> None:
        self.preamble = b""
        self.cursor = group.cursor()
        self.queue = queue
        self.detached = False
        self._group = group
        self._subscriber: Subscriber = queue
        self._left: Callable[[Subscription], None] | None = left

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What is listened to."""
        return self._group.channels

    @property
    def subscriber(self) -> Subscriber:
        """Whatever writes to the listener now."""
        return self._subscriber

    @property
    def expires(self) -> float:
        """The loop time at which the stream has lived long enough."""
        return self._subscriber.expires

    @property
    def closed(self) -> bool:
        """Whether the queue was told to close: then there is nothing to detach."""
        return self.queue.closed

    def replace(self, subscriber: Subscriber) -> list[Payload]:
        """Put another subscriber in the queue's place; return what the queue still holds.

        From then on it is the new subscriber that must `leave`.
        """
        queue = self.queue
        self.detached = True
        self._subscriber = subscriber
        self._group.replace(queue, subscriber)
        # This lives as long as the socket does, and these would be the most of it.
        del self.queue, self.preamble, self.cursor
        return queue.succeed(subscriber)

    def end(self, reason: str) -> None:
        """Tell the listener that its stream ends for good, and close it."""
        self._subscriber.deliver(Payload(events.burst([events.end(reason)])))
        self._subscriber.close()

    def leave(self) -> None:
        """Listen no more; idempotent."""
        left, self._left = self._left, None
        if left is not None:
            self._group.leave(self._subscriber)
            left(self)


class Writer:
    """Bursts on their way to sockets.

    It is bounded by its users: a tick waits for `emptied` before the next begins, and so does a
    ping before it is put.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._deliveries: deque[Delivery] = deque()
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def put(self, delivery: Delivery) -> None:
        """Send a burst after all those put before."""
        self._deliveries.append(delivery)
        self._emptied.clear()
        self._filled.set()

    async def emptied(self) -> None:
        """Wait until everything has been written, which no slow reader can hold up."""
        await self._emptied.wait()

    async def run(self) -> None:
        """Write what is put, until cancelled."""
        while True:
            await self._filled.wait()
            left = SLICE
            while self._deliveries:
                delivery = self._deliveries.popleft()
                payload = delivery.payload
                for subscriber in delivery.recipients:
                    subscriber.deliver(payload)
                    left -= 1
                    if left == 0:
                        await asyncio.sleep(0)
                        left = SLICE
                self._metrics.bursts_delivered += len(delivery.recipients)
            self._filled.clear()
            self._emptied.set()
