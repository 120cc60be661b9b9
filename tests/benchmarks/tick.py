"""One tick over very many KPIs, in one process: how long it holds the event loop.

`python -m tests.benchmarks.tick URL KPIS MINUTES TICKS` prints the figures as JSON. The database's
clock is shadowed by one that is moved from minute to minute, so that no real minute need pass.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import SecretStr

from app.data.database import Database
from app.data.repository import Repository
from app.live.hub import Hub
from app.metrics import Metrics
from app.models import Channel, Period
from app.server.serve import settle_collector
from app.settings import Settings
from tests.benchmarks.figures import median
from tests.benchmarks.stage import codes
from tests.world import Hand, with_shadow

CHANNELS_A_STREAM = 250
FIRST_TICK = 1_767_225_600
"""2026-01-01T00:00Z; the minutes from here on are in the database, but not complete yet."""


@dataclass(frozen=True)
class Pieces:
    """Seconds: in all, the longest in one piece, and the sum of the pieces."""

    wall: float
    longest: float
    loop: float


@dataclass
class Meter:
    """Times every callback of the event loop, by the thread's CPU clock.

    What else the machine does meanwhile is none of the loop's time; nothing in the loop waits.
    """

    longest: float = 0.0
    total: float = 0.0

    def reset(self) -> None:
        self.longest = self.total = 0.0


@dataclass
class Ticks:
    """The figures of ticks and of looks for corrections; events that came of one tick."""

    kpis: int
    minutes: int
    events: int = 0
    ticks: list[Pieces] = field(default_factory=list)
    compares: list[Pieces] = field(default_factory=list)


@contextmanager
def metered() -> Iterator[Meter]:
    """Time what the event loop runs in one piece."""
    meter, plain = Meter(), asyncio.Handle._run
    clock = time.thread_time

    def run(handle: Any) -> None:
        began = clock()
        plain(handle)
        took = clock() - began
        meter.total += took
        if took > meter.longest:
            meter.longest = took

    asyncio.Handle._run = run  # type: ignore[method-assign, assignment]
    try:
        yield meter
    finally:
        asyncio.Handle._run = plain  # type: ignore[method-assign]


class _Reader:
    """A subscriber that counts, as cheap as a socket that is always writable."""

    expires = float("inf")

    def __init__(self) -> None:
        self.bytes = 0
        self.events = 0

    def deliver(self, payload: Any) -> None:
        self.bytes += len(payload.chunked)
        self.events += payload.plain.count(b"event: ")

    def close(self) -> None:
        pass


async def measure(url: str, kpis: int, minutes: int, ticks: int) -> Ticks:
    settings = Settings(database_url=SecretStr(with_shadow(url)), _env_file=None)
    result = Ticks(kpis, minutes)
    channels = [Channel(code, Period.MINUTE) for code in codes(kpis)]
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(settings))
        hand = Hand(database)
        await hand.set(FIRST_TICK + settings.grace_seconds)
        repository = Repository(database, settings)
        hub = await stack.enter_async_context(Hub(repository, settings, Metrics()))
        readers = []
        for at in range(0, kpis, CHANNELS_A_STREAM):
            subscribing = hub.subscribe(channels[at : at + CHANNELS_A_STREAM], [], 1)
            subscription = await stack.enter_async_context(subscribing)
            reader = _Reader()
            subscription.replace(reader)
            readers.append(reader)
        # Ticks and looks for corrections are called for below, one at a time.
        poller = hub.pollers[Period.MINUTE]
        poller.schedule.compare_at = float("inf")
        settle_collector()
        with metered() as meter:
            for number in range(1, ticks + 2):
                await hand.set(FIRST_TICK + 60 * number + settings.grace_seconds)
                heard = sum(reader.events for reader in readers)
                meter.reset()
                began = time.perf_counter()
                poller.schedule.advance_at = 0.0
                await poller.turn()
                if number > 1:
                    wall = time.perf_counter() - began
                    result.ticks.append(Pieces(wall, meter.longest, meter.total))
                    result.events = sum(reader.events for reader in readers) - heard
            for _ in range(ticks):
                meter.reset()
                began = time.perf_counter()
                poller.schedule.advance_at = float("inf")
                poller.schedule.compare_at = 0.0
                await poller.turn()
                wall = time.perf_counter() - began
                result.compares.append(Pieces(wall, meter.longest, meter.total))
                poller.schedule.compare_at = float("inf")
    return result


def middle(pieces: list[Pieces]) -> Pieces:
    """Return the medians, and the longest piece of all."""
    return Pieces(
        median([piece.wall for piece in pieces]),
        max(piece.longest for piece in pieces),
        median([piece.loop for piece in pieces]),
    )


def main() -> None:
    url, kpis, minutes, ticks = sys.argv[1], *map(int, sys.argv[2:5])
    json.dump(asdict(asyncio.run(measure(url, kpis, minutes, ticks))), sys.stdout)


if __name__ == "__main__":
    main()
