"""The sockets that were detached: each is a subscriber of its own, with nothing but its socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from ..live.fanout import Subscription
from ..live.subscriber import Payload
from ..metrics import Metrics
from .limits import Limits, takes_enough, untaken
from .open_set import OpenSet

LAST_CHUNK = b"0\r\n\r\n"

_FLOWING, _STALLED, _CLOSED = range(3)


class Streams:
    """The detached sockets of a process, with the bounds and counters they share."""

    def __init__(self, limits: Limits, metrics: Metrics, clock: Callable[[], float]) -> None:
        self.limits = limits
        self.metrics = metrics
        self.clock = clock
        self.open: OpenSet[SocketSubscriber] = OpenSet()

    def detach(
        self, transport: asyncio.Transport, subscription: Subscription, *, chunked: bool
    ) -> None:
        """Let the group of `subscription` write to `transport`, all in one step of the event loop.

        What was pending for the subscriber before is written first, in order.
        """
        subscriber = SocketSubscriber(self, transport, subscription, chunked=chunked)
        transport.set_protocol(subscriber)
        self.open.add(subscriber)
        sock = transport.get_extra_info("socket")
        # The kernel would hide megabytes of a stalled reader before asyncio hears of it.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.limits.kernel_buffer_bytes)
        # 1, not 0: the TLS transport takes 0 as "always over the mark".
        transport.set_write_buffer_limits(high=1, low=0)
        if transport.get_write_buffer_size():
            # It may have told the protocol before, and would not tell this one again.
            subscriber.pause_writing()
        for payload in subscription.replace(subscriber):
            subscriber.deliver(payload)

    def abort_if_it_takes_too_long(self, subscriber: SocketSubscriber) -> None:
        """Bound the time that a reader takes for what is left after its stream was closed."""

        def abort() -> None:
            if subscriber in self.open:
                self.metrics.slow_readers_closed += 1
                subscriber.abort()

        asyncio.get_running_loop().call_later(self.limits.send_timeout_seconds, abort)


class SocketSubscriber(asyncio.Protocol):
    """A listener with nothing but its socket: no task, no queue, no coroutine.

    Policy for slow readers: one that is behind must take something within `send_timeout_seconds`,
    and may have `buffer_bytes` waiting for it, or two of the largest burst since it is behind if
    that is more: after an outage a single burst may be larger than any bound, and the next follows
    at once. Else it is cut off and counted. Once it is told to close it has the same time to take
    the rest.
    """

    __slots__ = (
        "_chunked",
        "_largest",
        "_left",
        "_since",
        "_state",
        "_streams",
        "_subscription",
        "_transport",
        "expires",
    )

    def __init__(
        self,
        streams: Streams,
        transport: asyncio.Transport,
        subscription: Subscription,
        *,
        chunked: bool,
    ) -> None:
        self.expires = subscription.expires
        self._streams = streams
        self._transport = transport
        self._subscription = subscription
        self._chunked = chunked
        self._state = _FLOWING
        self._since = 0.0
        self._left = 0
        self._largest = 0

    def deliver(self, payload: Payload) -> None:
        """Write one burst, or cut the reader off."""
        data = payload.chunked if self._chunked else payload.plain
        if not self._state:  # flowing
            self._largest = len(data)
            self._transport.write(data)
        elif self._state == _STALLED and self._keeps_up():
            self._largest = max(self._largest, len(data))
            self._left += len(data)
            self._transport.write(data)

    def close(self) -> None:
        """End the response in good order; idempotent."""
        if self._state != _CLOSED:
            self._state = _CLOSED
            if self._chunked:
                self._transport.write(LAST_CHUNK)
            self._transport.close()
            if self._transport.get_write_buffer_size():
                self._streams.abort_if_it_takes_too_long(self)

    def abort(self) -> None:
        """Close without waiting for the reader."""
        self._state = _CLOSED
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Refuse whoever goes on talking: this answer has no end after which to answer more."""
        self.abort()

    def pause_writing(self) -> None:
        """Start to watch a reader that is behind."""
        if self._state == _FLOWING:
            self._state = _STALLED
            self._since = self._streams.clock()
            self._left = untaken(self._transport)

    def resume_writing(self) -> None:
        """Stop watching a reader that has caught up."""
        if self._state == _STALLED:
            self._state = _FLOWING

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the group."""
        self._state = _CLOSED
        self._streams.open.discard(self)
        self._streams.metrics.connections_closed += 1
        self._subscription.leave()
        # Whatever still holds this subscriber must not hold the subscription and transport as well.
        del self._subscription, self._transport

    def _keeps_up(self) -> bool:
        limits = self._streams.limits
        now = self._streams.clock()
        waiting = self._transport.get_write_buffer_size()
        fast = waiting <= max(limits.buffer_bytes, 2 * self._largest)
        if fast and now - self._since > limits.send_timeout_seconds:
            left = untaken(self._transport)
            fast = takes_enough(self._left, left)
            self._since, self._left = now, left
        if not fast:
            self._streams.metrics.slow_readers_closed += 1
            self.abort()
        return fast
