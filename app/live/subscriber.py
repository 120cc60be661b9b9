"""Those who listen: what a group writes to, and the one that a coroutine reads from."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

from ..metrics import Metrics


class Payload:
    """The SSE bytes of one burst, and the same framed as one HTTP/1.1 chunk (RFC 9112, 7.1)."""

    __slots__ = ("_chunked", "plain")

    def __init__(self, plain: bytes) -> None:
        self.plain = plain
        self._chunked: bytes | None = None

    @property
    def chunked(self) -> bytes:
        """The bytes as one chunk, framed on first use."""
        if self._chunked is None:
            self._chunked = b"%x\r\n%b\r\n" % (len(self.plain), self.plain)
        return self._chunked


class Subscriber(Protocol):
    """Whoever takes what a group gets.

    `expires` is the loop time at which its stream has lived long enough. `deliver` never blocks:
    a subscriber whose buffer is full closes itself, is counted, and comes back with its cursor.
    """

    expires: float

    def deliver(self, payload: Payload) -> None:
        """Take one burst."""

    def close(self) -> None:
        """End the stream in good order; idempotent."""


class QueuedSubscriber:
    """A subscriber that a coroutine reads: for HTTP/2, test clients and other servers.

    Policy when full: it is closed and counted as a slow reader. Nothing is dropped from the
    middle, so a stream never has a hole. It is full with `MAX_BYTES`, or with two of the largest
    burst that waits if that is more: after an outage a single burst may be larger than any bound,
    and the next follows at once.
    """

    MAX_BYTES = 1_048_576

    __slots__ = (
        "_bytes",
        "_closed",
        "_largest",
        "_metrics",
        "_pending",
        "_successor",
        "_wakeup",
        "expires",
    )

    def __init__(self, expires: float, metrics: Metrics) -> None:
        self.expires = expires
        self._metrics = metrics
        self._pending: deque[Payload] = deque()
        self._bytes = 0
        self._largest = 0
        self._closed = False
        self._successor: Subscriber | None = None
        self._wakeup = asyncio.Event()

    def deliver(self, payload: Payload) -> None:
        """Keep a burst until it is read, or pass it on to the successor."""
        if self._successor is not None:
            self._successor.deliver(payload)
            return
        if self._closed:
            return
        size = len(payload.plain)
        self._largest = max(self._largest, size) if self._pending else size
        if self._bytes + size > max(self.MAX_BYTES, 2 * self._largest):
            self._metrics.slow_readers_closed += 1
            self._pending.clear()
            self.close()
            return
        self._pending.append(payload)
        self._bytes += size
        self._wakeup.set()

    @property
    def closed(self) -> bool:
        """Whether it was closed, from outside or because it was full."""
        return self._closed

    def close(self) -> None:
        """End the iteration once what is pending has been read."""
        if self._successor is not None:
            self._successor.close()
        self._closed = True
        self._wakeup.set()

    def succeed(self, successor: Subscriber) -> list[Payload]:
        """Pass all that comes from now on to `successor`; return what is still pending."""
        self._successor = successor
        return self.take()

    def take(self) -> list[Payload]:
        """Return and forget all that is pending."""
        pending = list(self._pending)
        self._pending.clear()
        self._bytes = 0
        return pending

    async def __aiter__(self) -> AsyncIterator[Payload]:
        while True:
            for payload in self.take():
                yield payload
            if self._closed and not self._pending:
                return
            self._wakeup.clear()
            if not self._pending:
                await self._wakeup.wait()
