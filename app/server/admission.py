"""Lets streams begin a few at a time, so that a burst is not all half-answered together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .connection import Connection

AT_ONCE = 16
"""Streams that are being opened. The first one's channel is read from the database, and what came
meanwhile has to wait for that. When 3,000 had all begun, each cost 18 KB in the end, of which
nothing was given back; one that waits for its turn costs 3 KB. All of these are worked on in one
turn of the event loop: with 128 a snapshot asked for among 5,000 streams took twice as long."""

PATIENCE_SECONDS = 3.0
"""How long a stream waits for its turn, and for how long those before it count."""


class Admission:
    """The streams that are being opened, and those that wait for their turn, first come first."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._opening: dict[Connection, float] = {}
        self._waiting: dict[Connection, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, connection: Connection) -> None:
        """Let a connection `begin`, now or in its turn."""
        self._waiting[connection] = self._loop.time()
        self._admit()

    def leave(self, connection: Connection) -> None:
        """Take note that a connection's stream is open, or that it is none; idempotent."""
        self._waiting.pop(connection, None)
        if self._opening.pop(connection, None) is not None:
            self._admit()

    def _admit(self) -> None:
        """Let those begin whose turn it is, or who have waited for long enough."""
        before = self._loop.time() - PATIENCE_SECONDS
        while self._opening and next(iter(self._opening.values())) <= before:
            del self._opening[next(iter(self._opening))]
        while self._waiting:
            connection, since = next(iter(self._waiting.items()))
            if len(self._opening) >= AT_ONCE and since > before:
                break
            del self._waiting[connection]
            self._opening[connection] = self._loop.time()
            connection.begin()
        if self._waiting and self._timer is None:
            self._timer = self._loop.call_later(PATIENCE_SECONDS / 10, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self._admit()
