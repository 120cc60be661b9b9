"""Pings for everybody before the silence gets too long, and the end of streams of full age."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection

from ..metrics import Metrics
from . import events
from .clock import DatabaseClock
from .fanout import Delivery, Group, Writer
from .subscriber import Payload

_SHARE = 0.9
"""A ping leaves so early that it is there, written to thousands, when the silence is up."""


class Heartbeat:
    """One ping for all, made once; `groups` returns those who are listening.

    `version` is that of the page which the server has: pages that are open learn of a release.
    """

    def __init__(
        self,
        seconds: float,
        clock: DatabaseClock,
        writer: Writer,
        metrics: Metrics,
        groups: Callable[[], Collection[Group]],
        version: str = "",
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._writer = writer
        self._metrics = metrics
        self._groups = groups
        self._version = version

    async def run(self) -> None:
        """Beat until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            # What the last one took to write does not make the silence longer.
            due = max(due + self._seconds * _SHARE, loop.time())
            await asyncio.sleep(due - loop.time())
            # A ping waits for what is on its way: left out, it would come a whole beat later.
            await self._writer.emptied()
            self._beat(loop.time())

    def _beat(self, now: float) -> None:
        payload = Payload(events.burst([events.ping(self._clock.now(), self._version)]))
        for group in self._groups():
            members = list(group.members)
            self._writer.put(Delivery(payload, members))
            for subscriber in members:
                if subscriber.expires <= now:
                    # Closing may take until its reader has taken what is left: counted once.
                    subscriber.expires = math.inf
                    self._metrics.streams_expired += 1
                    subscriber.close()
