"""The sockets that were handed over: what they share, and how one is told from the others."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass

from ..live.fanout import Subscription
from ..live.subscriber import Payload
from ..metrics import Metrics
from .registry import Registry

LAST_CHUNK = b"0\r\n\r\n"

_FLOWING, _STALLED, _CLOSED = range(3)


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What one reader may cost, in bytes and seconds."""

    buffer_bytes: int = 262_144
    kernel_buffer_bytes: int = 16_384
    send_timeout_seconds: float = 30.0


class Streams:
    """The handed-over sockets of a process, with the bounds and counters they share."""

    def __init__(self, limits: StreamLimits, metrics: Metrics, clock: Callable[[], float]) -> None:
        self.limits = limits
        self.metrics = metrics
        self.clock = clock
        self.open: Registry[SocketSubscriber] = Registry()

    def adopt(
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


class SocketSubscriber(asyncio.Protocol):
    """A listener with nothing but its socket: no task, no queue, no coroutine.

    Policy for slow readers: one whose write buffer holds more than `buffer_bytes`, or that has
    taken nothing for `send_timeout_seconds`, is cut off and counted.
    """

    __slots__ = (
        "_chunked",
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

    def deliver(self, payload: Payload) -> None:
        """Write one burst, or cut the reader off."""
        data = payload.chunked if self._chunked else payload.plain
        if not self._state:  # flowing
            self._transport.write(data)
        elif self._state == _STALLED and self._keeps_up():
            self._transport.write(data)
            self._left = self._transport.get_write_buffer_size()

    def close(self) -> None:
        """End the response in good order; idempotent."""
        if self._state != _CLOSED:
            self._state = _CLOSED
            if self._chunked:
                self._transport.write(LAST_CHUNK)
            self._transport.close()

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
            self._left = self._transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        """Stop watching a reader that has caught up."""
        if self._state == _STALLED:
            self._state = _FLOWING

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the group."""
        self._state = _CLOSED
        self._streams.open.discard(self)
        self._subscription.leave()
        # Whatever still holds this subscriber must not hold the subscription and transport as well.
        del self._subscription, self._transport

    def _keeps_up(self) -> bool:
        now = self._streams.clock()
        left = self._transport.get_write_buffer_size()
        if left < self._left:
            self._since = now
        limits = self._streams.limits
        if left > limits.buffer_bytes or now - self._since > limits.send_timeout_seconds:
            self._streams.metrics.slow_readers_closed += 1
            self.abort()
            return False
        return True
