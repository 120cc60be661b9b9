"""Ends streams whose listener may no longer see what is on them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from ..metrics import Metrics
from .fanout import Subscription

Permit: TypeAlias = Callable[[], str | None]
"""Returns why a stream must end, None while it may go on; asked often, so it must be quick."""

CHECK_SECONDS = 0.5
"""How often each permit is asked: a stream ends within a second of its permit."""

SLICE = 500
"""Permits asked between two looks at the event loop; about a millisecond's work."""


class Permits:
    """The permits of all streams that have one."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._permits: dict[Subscription, Permit] = {}

    def add(self, subscription: Subscription, permit: Permit) -> None:
        """End a stream once its permit says so."""
        self._permits[subscription] = permit

    def discard(self, subscription: Subscription) -> None:
        """Forget a stream that has ended."""
        self._permits.pop(subscription, None)

    async def run(self) -> None:
        """Ask all permits again and again, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            for at, (subscription, permit) in enumerate(list(self._permits.items()), start=1):
                reason = permit()
                if reason is not None and subscription in self._permits:
                    self.discard(subscription)
                    self._metrics.streams_ended += 1
                    subscription.end(reason)
                if at % SLICE == 0:
                    await asyncio.sleep(0)
