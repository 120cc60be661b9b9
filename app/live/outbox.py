"""The one writer: bursts leave in the order they were made, in slices that let others run."""

from __future__ import annotations

import asyncio
from collections import deque

from ..metrics import Metrics
from .audience import Delivery

SLICE = 128
"""Writes between two looks at the event loop: at about 10 µs each, a stall of a millisecond."""


class Outbox:
    """Bursts on their way to sockets.

    It is bounded by its users: a tick waits for `emptied` before the next begins, and a ping is
    left out while anything else is on its way.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._deliveries: deque[Delivery] = deque()
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    @property
    def busy(self) -> bool:
        """Whether bursts are on their way."""
        return not self._emptied.is_set()

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
