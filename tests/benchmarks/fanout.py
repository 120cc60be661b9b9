"""Fan-out: one event to very many listeners, all contenders in turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.benchmarks.contenders import Contender
from tests.benchmarks.crowd import Arrivals, Opened
from tests.benchmarks.figures import median, percentile
from tests.benchmarks.generator import Generator, generator
from tests.benchmarks.processes import Server
from tests.benchmarks.stage import codes

BURST_SECONDS = 40.0
IDLE_SECONDS = 4.0
SETTLED_SECONDS = 1.5
QUIET_SECONDS = 0.3
QUIET_SHARE = 0.1
MOST_QUIETS = 20


@dataclass(frozen=True)
class Burst:
    """One event's way; times in seconds after the first listener had it."""

    p50: float
    p99: float
    last: float
    published_to_p99: float | None
    cpu_seconds: float
    idle_cpu_seconds: float
    own_cpu_seconds: float
    received_bytes: int


@dataclass
class FanOut:
    """What one contender needed for `listeners` on `channels`."""

    name: str
    listeners: int
    channels: int
    opened: Opened
    opening_cpu_seconds: float
    memory_bytes: float
    head_start: float | None = None
    bursts: list[Burst] = field(default_factory=list)

    def p50(self) -> float:
        return median([burst.p50 for burst in self.bursts])

    def p99(self) -> float:
        return median([burst.p99 for burst in self.bursts])

    def last(self) -> float:
        return median([burst.last for burst in self.bursts])

    def published_to_p99(self) -> float:
        """From when the event was published; for who has no publisher, from when it was made."""
        if self.head_start is not None:
            return self.head_start + self.p99()
        return median([b.published_to_p99 for b in self.bursts if b.published_to_p99 is not None])

    def cpu_per_delivery(self) -> float | None:
        """Without what it does anyway; None where that was the most of it."""
        used = median([burst.cpu_seconds for burst in self.bursts])
        idle = median([burst.idle_cpu_seconds for burst in self.bursts])
        return None if used < idle else used / self.listeners

    def own_cpu_per_delivery(self) -> float:
        return median([burst.own_cpu_seconds for burst in self.bursts]) / self.listeners

    def bytes_per_delivery(self) -> float:
        return median([burst.received_bytes for burst in self.bursts]) / self.listeners


@dataclass
class Setting:
    """A contender that runs, with its listeners."""

    contender: Contender
    server: Server
    generator: Generator
    channels: Sequence[str]
    idle_cpu: float
    result: FanOut

    async def _quiet(self) -> None:
        """Wait for what the server does after the last listener had it: the next one's turn begins.

        One that goes on on the same core would make the next look slow.
        """
        for _ in range(MOST_QUIETS):
            cpu = self.server.cpu_seconds()
            await asyncio.sleep(QUIET_SECONDS)
            if self.server.cpu_seconds() - cpu < QUIET_SHARE * QUIET_SECONDS:
                return

    async def burst(self) -> Burst:
        listeners = self.result.listeners
        self.generator.begin_collecting(listeners, BURST_SECONDS)
        began, cpu = time.perf_counter(), self.server.cpu_seconds()
        published = await self.contender.publish(self.server, self.channels)
        arrivals = self.generator.arrivals()
        await self._quiet()
        used = self.server.cpu_seconds() - cpu
        idle = self.idle_cpu * (time.perf_counter() - began)
        return _judge(arrivals, published, used - idle, idle)


def _judge(
    arrivals: Arrivals, published: float | None, cpu_seconds: float, idle_cpu_seconds: float
) -> Burst:
    at = arrivals.at
    p99 = percentile(at, 0.99)
    return Burst(
        p50=percentile(at, 0.5) - at[0],
        p99=p99 - at[0],
        last=at[-1] - at[0],
        published_to_p99=None if published is None else p99 - published,
        cpu_seconds=cpu_seconds,
        idle_cpu_seconds=idle_cpu_seconds,
        own_cpu_seconds=arrivals.own_cpu_seconds,
        received_bytes=arrivals.received_bytes,
    )


def set_up(
    stack: ExitStack, contender: Contender, listeners: int, channels: Sequence[str]
) -> Setting:
    """Start a contender and let its listeners come."""
    server = stack.enter_context(contender.start())
    crowd = stack.enter_context(generator())
    warm = [contender.request(channels[0])] * 64
    try:
        crowd.open(server.port, warm, contender.marker)
    except (OSError, TimeoutError) as error:
        raise RuntimeError(f"{contender.name}: {error}") from error
    crowd.close()
    time.sleep(SETTLED_SECONDS)
    cpu = server.cpu_seconds()
    time.sleep(IDLE_SECONDS)
    idle = (server.cpu_seconds() - cpu) / IDLE_SECONDS
    memory, cpu = server.memory_bytes(), server.cpu_seconds()
    requests = [contender.request(channels[at % len(channels)]) for at in range(listeners)]
    opened = crowd.open(server.port, requests, contender.marker)
    opening_cpu = server.cpu_seconds() - cpu
    time.sleep(SETTLED_SECONDS)
    grown = server.memory_bytes() - memory
    result = FanOut(
        contender.name, listeners, len(channels), opened, opening_cpu, grown / listeners
    )
    return Setting(contender, server, crowd, channels, idle, result)


async def fan_out(
    contenders: Sequence[Contender], *, listeners: int, channels: int, rounds: int
) -> list[FanOut]:
    """Measure all contenders, alternating; the first burst of each is to warm up."""
    with ExitStack() as stack:
        settings = [set_up(stack, c, listeners, codes(channels)) for c in contenders]
        for number in range(rounds + 1):
            for setting in settings:
                burst = await setting.burst()
                if number:
                    setting.result.bursts.append(burst)
    return [setting.result for setting in settings]
