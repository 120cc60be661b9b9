"""The open buckets so far, for those who want them: never part of a series or of a cursor."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from ..data.repository import Repository
from ..errors import DatabaseUnavailableError
from ..models import Channel, Period
from . import events
from .events import Json
from .fanout import Delivery, Subscription, Writer
from .subscriber import Payload

_SHARE = 20
"""A look is followed by a rest this many times as long, so that it costs the database at most 5 %
of one core, however many channels there are."""

_SOONEST_SECONDS = 0.2
"""A newcomer whose channels nobody has wanted waits no longer for a first look."""

SLICE = 200
"""Buckets encoded between two looks at the event loop; about two milliseconds' work."""

_log = logging.getLogger(__name__)


async def open_buckets(
    repository: Repository, period: Period, codes: Sequence[str]
) -> list[tuple[Channel, int, Json]]:
    """Return the open buckets of these codes that have rows: channel, digest, and the data.

    Raises DatabaseUnavailableError.
    """
    reading = await repository.open_buckets(period, codes)
    grid, targets = repository.grids[period], reading.definitions.targets
    found = []
    # While a bucket that is over waits for its grace there are two of a code: the newer one counts.
    for at, (code, bucket) in enumerate(dict(reading.rows).items(), start=1):
        channel = Channel(code, period)
        data = events.partial_json(channel, grid, bucket, reading.now, targets.get(code))
        found.append((channel, bucket.digest, data))
        if at % SLICE == 0:
            await asyncio.sleep(0)
    return found


class Partials:
    """Looks at open buckets every so many seconds, one query a period, while they are wanted."""

    def __init__(self, repository: Repository, writer: Writer, seconds: float) -> None:
        self._repository = repository
        self._writer = writer
        self._seconds = seconds
        self._wishes: dict[Subscription, tuple[Channel, ...]] = {}
        self._listeners: dict[tuple[Channel, ...], set[Subscription]] = {}
        self._blocks: dict[Channel, bytes] = {}
        self._digests: dict[Channel, int] = {}
        self._wanted = asyncio.Event()
        self._unseen = asyncio.Event()

    def add(self, subscription: Subscription, channels: Sequence[Channel]) -> None:
        """Let a listener have the open buckets of its channels, those known already at once."""
        wish = self._wishes[subscription] = tuple(channels)
        self._listeners.setdefault(wish, set()).add(subscription)
        known = [self._blocks[channel] for channel in channels if channel in self._blocks]
        if known:
            subscription.subscriber.deliver(Payload(events.burst(known)))
        if len(known) < len(channels):
            self._unseen.set()
        self._wanted.set()

    def discard(self, subscription: Subscription) -> None:
        """Forget a listener; with the last one nothing is asked any more."""
        channels = self._wishes.pop(subscription, None)
        if channels is None:
            return
        listeners = self._listeners[channels]
        listeners.remove(subscription)
        if not listeners:
            del self._listeners[channels]
        if not self._listeners:
            self._wanted.clear()
            self._blocks.clear()
            self._digests.clear()

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._wanted.wait()
            await asyncio.sleep(_SOONEST_SECONDS)
            self._unseen.clear()
            began = loop.time()
            try:
                await self._look()
            except DatabaseUnavailableError as error:
                _log.warning("the open buckets cannot be read: %s", error)
            await self._rest(_SHARE * (loop.time() - began))

    async def _rest(self, seconds: float) -> None:
        """Wait so long, and then for the next look or a channel that nobody wanted before."""
        await asyncio.sleep(seconds)
        try:
            async with asyncio.timeout(max(self._seconds - seconds, 0)):
                await self._unseen.wait()
        except TimeoutError:
            return

    async def _look(self) -> None:
        """Read the open buckets of all channels that are wanted, and send those that changed."""
        wanted = {channel for channels in self._listeners for channel in channels}
        changed: dict[Channel, bytes] = {}
        for period in Period:
            codes = sorted(channel.code for channel in wanted if channel.period is period)
            if not codes:
                continue
            for channel, digest, data in await open_buckets(self._repository, period, codes):
                if self._digests.get(channel) != digest:
                    self._digests[channel] = digest
                    changed[channel] = events.fields("partial", events.dumps(data))
        self._blocks = {c: b for c, b in (self._blocks | changed).items() if c in wanted}
        for channels, listeners in list(self._listeners.items()):
            blocks = [changed[channel] for channel in channels if channel in changed]
            if blocks:
                # Without an id: a client that resumes has nothing of it.
                payload = Payload(events.burst(blocks))
                self._writer.put(Delivery(payload, [s.subscriber for s in listeners]))
        await self._writer.emptied()
