"""Faults and writes at random moments, drawn from a seed, where everything is real.

Faults of one part follow each other; those of different parts overlap.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from app.models import Channel
from tests.cluster.cluster import COSTS, GRID, SALES, Cluster, open_cluster
from tests.cluster.listener import Listener
from tests.cluster.program import Program
from tests.faults.cluster_faults import FAULTS
from tests.faults.postgres import PostgresServer, postgres_server
from tests.faults.world import ClockedDatabase, prepare
from tests.world import execute, moment, truth

CHANNELS = [SALES, COSTS]
LISTENERS = 6
MOST_SECONDS = 3.0
"""How long a fault lasts at most. A publisher that is silent is deposed after two."""

LATE_MINUTES = 40
"""How far back rows are written and removed; all that is published is in the correction window."""


@dataclass
class Deed:
    """What is done, when, for how long, and a number that says to which and how much."""

    name: str
    at_seconds: float
    seconds: float
    number: int


@dataclass
class Chaos:
    """All that takes part, with those who listen."""

    cluster: Cluster
    postgres: PostgresServer
    clock: ClockedDatabase
    listeners: list[Listener] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)
    took: float = 0.0
    """Seconds from the last fault's end until all had everything."""

    def __post_init__(self) -> None:
        self._locks = {part: asyncio.Lock() for part in {part for part, _ in FAULTS.values()}}
        self._locks |= {"database": asyncio.Lock()}
        self._hearing: list[asyncio.Task[None]] = []
        self._began = asyncio.get_running_loop().time()

    @property
    def programs(self) -> list[Program]:
        return [*self.cluster.publishers, *self.cluster.gateways]

    # --- listening ---------------------------------------------------------------------------

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        ports = [gateway.port for gateway in self.cluster.gateways]
        self.listeners = [Listener(ports, CHANNELS, GRID, first=n) for n in range(LISTENERS)]
        self._hearing = [asyncio.create_task(listener.run()) for listener in self.listeners]
        try:
            for listener in self.listeners:
                await listener.until(lambda one=listener: len(one.views) == len(CHANNELS))  # type: ignore[misc]
            yield
            assert not any(task.done() for task in self._hearing), "a listener has failed"
        finally:
            for task in self._hearing:
                task.cancel()
            await asyncio.wait(self._hearing)

    async def reconnect(self, number: int) -> None:
        """Have a listener lose its stream, and come back with its cursor."""
        at = number % len(self.listeners)
        self._hearing[at].cancel()
        await asyncio.wait([self._hearing[at]])
        self._hearing[at] = asyncio.create_task(self.listeners[at].run())

    # --- what is written ---------------------------------------------------------------------

    async def complete_a_minute(self, number: int) -> None:
        """Write the open minute, sometimes nothing, and let it end."""
        start = await self._open_minute()
        rows = [(channel.code, start + 10, number % 997 / 7) for channel in CHANNELS]
        await self.clock.write(*rows[: number % 4])
        await self.clock.set_clock(start + 59.7)
        await self.nudge(self.cluster.gateways)

    async def put_the_clock_forward(self, number: int) -> None:
        """Let several minutes pass at once; one gateway is asked for something new then."""
        start = await self._open_minute()
        await self.clock.set_clock(start + 60 * (1 + number % 3) + number % 60)
        gateways = self.cluster.gateways
        await self.nudge([gateways[number % len(gateways)]])

    async def add_late(self, number: int) -> None:
        start, channel = await self._some_minute(number)
        await self.clock.write((channel.code, start + number % 60, number % 991 / 3))

    async def remove(self, number: int) -> None:
        start, channel = await self._some_minute(number)
        async with self.clock.database() as database:
            await execute(
                database,
                "DELETE FROM kpi_raw_data WHERE kpi_code = $1 AND timestamp >= $2"
                " AND timestamp < $3",
                *(channel.code, moment(start), moment(start + 60)),
            )

    async def _open_minute(self) -> int:
        return int(await self.clock.now()) // 60 * 60

    async def _some_minute(self, number: int) -> tuple[int, Channel]:
        back = 60 * (number // 2 % LATE_MINUTES + 1)
        return await self._open_minute() - back, CHANNELS[number % 2]

    async def nudge(self, gateways: list[Program]) -> None:
        """Have gateways read the clock, as each does for a channel that is new to it."""
        for gateway in gateways:
            try:
                async with asyncio.timeout(2):
                    await self.clock.nudge(gateway.port)
            except (httpx.HTTPError, TimeoutError, AssertionError):
                continue  # It is away, or what it needs is.

    # --- a run -------------------------------------------------------------------------------

    async def run(self, deeds: Sequence[Deed]) -> None:
        """Do all of it; at its end everything is as it should be again."""
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        async with asyncio.TaskGroup() as group:
            for deed in deeds:
                await asyncio.sleep(self._began + deed.at_seconds - loop.time())
                group.create_task(self._do(deed))

    async def _do(self, deed: Deed) -> None:
        part = FAULTS[deed.name][0] if deed.name in FAULTS else "database"
        async with self._locks[part]:
            self._note(deed.name)
            if deed.name in FAULTS:
                async with FAULTS[deed.name][1](self.cluster, self.postgres, deed.number):
                    await asyncio.sleep(deed.seconds)
            else:
                await DEEDS[deed.name](self, deed.number)
            self._note(f"{deed.name} is over")
            self.done[deed.name] += 1

    def _note(self, words: str) -> None:
        self.log.append(f"{asyncio.get_running_loop().time() - self._began:7.3f} {words}")

    async def check(self) -> int:
        """Hold processes, streams and views to what was promised; return how much was compared."""
        self._all_run()
        began = asyncio.get_running_loop().time()
        start = await self._open_minute()
        await self.complete_a_minute(3)
        for listener in self.listeners:
            await listener.until(
                lambda one=listener: all(start in view for view in one.views.values())  # type: ignore[misc]
            )
        compared = 0
        for listener in self.listeners:
            for channel, view in listener.views.items():
                said = await truth(self.cluster.database, channel, GRID, sorted(view))
                try:
                    await listener.until(lambda view=view, said=said: view == said)  # type: ignore[misc]
                except TimeoutError:
                    wrong = {b: (view[b], said[b]) for b in view if view[b] != said[b]}
                    raise AssertionError(f"{channel}: seen and true {wrong}") from None
                assert sorted(view) == list(range(min(view), max(view) + 60, 60)), "a hole"
                compared += len(view)
            assert not listener.wrongs, listener.wrongs
        self._all_run()
        self.took = asyncio.get_running_loop().time() - began
        return compared

    def _all_run(self) -> None:
        assert not [p.said[-5:] for p in self.programs if p.has_ended], "a process ended by itself"

    def account(self) -> list[str]:
        """Return what was done, and what the processes said."""
        said = [f"{n} {p.command}: {line}" for n, p in enumerate(self.programs) for line in p.said]
        return self.log + said


DEEDS = {
    deed.__name__: deed
    for deed in (
        *(Chaos.complete_a_minute, Chaos.put_the_clock_forward, Chaos.add_late),
        *(Chaos.remove, Chaos.reconnect),
    )
}


def plan(seed: int, seconds: float) -> list[Deed]:
    """Draw what is done within so many seconds, in its order."""
    draw = random.Random(seed)
    deeds, now = [], 0.0
    while (now := now + draw.uniform(0.05, 0.6)) < seconds:
        name = draw.choice(list(FAULTS if draw.random() < 0.4 else DEEDS))
        deeds.append(Deed(name, now, draw.uniform(0.0, MOST_SECONDS), draw.randrange(10**6)))
    return deeds


@asynccontextmanager
async def open_chaos() -> AsyncIterator[Chaos]:
    """Start all that takes part, on a server whose processes may be stopped, and listeners."""
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(postgres_server())
        settings = await prepare(postgres.url())
        cluster = await stack.enter_async_context(open_cluster(settings))
        chaos = Chaos(cluster, postgres, ClockedDatabase(settings))
        await stack.enter_async_context(chaos.listening())
        yield chaos
