"""A database that suffers, a gateway on it as a process, and listeners who keep account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx
from pydantic import SecretStr

from app.data import schema
from app.data.database import Database
from app.live.broadcaster import MISSED_TOO_MUCH
from app.models import Channel
from app.settings import Settings
from tests.cluster.cluster import COSTS, GRID, NOON, SALES, TICKING, through
from tests.cluster.listener import Listener
from tests.cluster.program import Program
from tests.faults.postgres import PostgresServer, postgres_server
from tests.proxy import Proxy, proxy
from tests.soaking import sized
from tests.world import SHADOW, Numbers, execute, fetch, moment, truth, with_shadow

LISTENERS = sized(20, soak=200)
SHIFT = "UPDATE clock.shift SET shift = $1 - transaction_timestamp()"
INSERT = "INSERT INTO kpi_raw_data VALUES ($1, $2, $3)"
HISTORY_MINUTES = 60
UNHEARD = 500
"""KPIs that nobody listens to."""


@dataclass
class ClockedDatabase:
    """A database whose clock ticks, and is set by the test."""

    settings: Settings
    _nudges: count[int] = field(default_factory=count, init=False)

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """Open the database directly."""
        async with Database(self.settings) as database:
            yield database

    async def write(self, *rows: tuple[str, float, float]) -> None:
        """Write raw rows of code, seconds since 1970, and value."""
        async with self.database() as database:
            for code, at_seconds, value in rows:
                await execute(database, INSERT, moment(at_seconds), code, value)

    async def now(self) -> float:
        async with self.database() as database:
            return float((await fetch(database, "SELECT extract(epoch FROM now())::float8"))[0][0])

    async def set_clock(self, at_seconds: float) -> None:
        """Let it be `at_seconds` at the database now; its clock goes on from there."""
        async with self.database() as database:
            await execute(database, SHIFT, moment(at_seconds))

    async def nudge(self, port: int) -> None:
        """Have the gateway at a port read the clock, as it does for each new channel."""
        code = f"nudge{next(self._nudges) % UNHEARD}"
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client,
            client.stream("GET", f"/kpi/{code}/stream") as answer,
        ):
            assert answer.status_code == 200, await answer.aread()
            await anext(answer.aiter_bytes())


@dataclass
class World(ClockedDatabase):
    """All that takes part; `link` is the only way from the gateway to the database."""

    postgres: PostgresServer
    link: Proxy
    gateway: Program
    listeners: list[Listener] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.gateway.port}"

    async def shortly_before_a_minute_ends(self, *, seconds: float = 1.0) -> int:
        """Move the clock on, tell the gateway, and return the start of the minute that ends."""
        start = GRID.start(GRID.index(int(await self.now()) + 60))
        await self.write(("sales", start + 10, start % 1000 / 7), ("costs", start + 10, 1.0))
        await self.set_clock(start + 60 - seconds)
        await self.nudge(self.gateway.port)
        return start

    async def all_have(self, start: int) -> None:
        """Wait until every listener has the buckets of that minute."""
        for listener in self.listeners:
            await listener.until(
                lambda listener=listener: all(start in view for view in listener.views.values())  # type: ignore[misc]
            )

    async def all_say(self, state: str) -> None:
        """Wait until every listener was told that state of each channel."""
        for listener in self.listeners:
            await listener.until(
                lambda listener=listener: set(listener.states.values()) == {state}  # type: ignore[misc]
            )

    async def same_as_truth(self) -> int:
        """Hold each listener's view against the raw rows; return how many buckets that were."""
        compared = 0
        known: dict[tuple[Channel, tuple[int, ...]], dict[int, Numbers]] = {}
        async with self.database() as database:
            for listener in self.listeners:
                assert not listener.wrongs, listener.wrongs
                for channel, view in listener.views.items():
                    starts = tuple(sorted(view))
                    if (channel, starts) not in known:
                        known[channel, starts] = await truth(database, channel, GRID, list(starts))
                    said = known[channel, starts]
                    await listener.until(lambda view=view, said=said: view == said)  # type: ignore[misc]
                    compared += len(view)
        return compared

    def started_afresh(self) -> None:
        """Take it for right, once, that every listener got a new snapshot of each channel."""
        for listener in self.listeners:
            reset = [f"a reset of {channel}: {MISSED_TOO_MUCH}" for channel in listener.views]
            assert sorted(listener.wrongs) == sorted(reset), listener.wrongs
            listener.wrongs.clear()

    @property
    def connections(self) -> int:
        """How many streams the listeners have opened."""
        return sum(listener.connections for listener in self.listeners)


async def prepare(url: str) -> Settings:
    """Give an empty database the schema, a ticking clock and an hour of history."""
    plain = Settings(database_url=SecretStr(url))
    async with Database(plain) as database:
        await schema.init(database, plain)
        await execute(database, SHADOW)
    settings = Settings(database_url=SecretStr(with_shadow(url)))
    await fill(settings)
    return settings


async def fill(settings: Settings) -> None:
    """Let the shadow of the clock tick, and write an hour of history."""
    async with Database(settings) as database:
        await execute(database, TICKING)
        rows = [
            (moment(NOON - 60 * minute + 10), code, minute / 7)
            for minute in range(HISTORY_MINUTES)
            for code in ("sales", "costs")
        ]
        rows += [
            (moment(NOON - 600), f"{name}{number}", 1.0)
            for number in range(UNHEARD)
            for name in ("unheard", "nudge")
        ]
        async with database.connection() as connection:
            await connection.copy_records_to_table("kpi_raw_data", records=rows)
        await execute(database, SHIFT, moment(NOON + 30))


@asynccontextmanager
async def open_world(
    environment: Mapping[str, str] | None = None, *, folder: Path | None = None
) -> AsyncIterator[World]:
    """Run a server (its data in `folder`), a gateway on it, and listeners."""
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(postgres_server(folder))
        settings = await prepare(postgres.url())
        link = await stack.enter_async_context(proxy(postgres.socket))
        url = through(with_shadow(postgres.url()), link)
        gateway = await stack.enter_async_context(gateway_on(url, environment))
        world = World(settings, postgres, link, gateway)
        async with listening(world, LISTENERS):
            yield world


@asynccontextmanager
async def gateway_on(
    url: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Program]:
    """Run a gateway on a database as a process; it is killed at the end."""
    gateway = Program(
        "serve",
        {
            "KPI_DATABASE_URL": url,
            "KPI_GRACE_SECONDS": "0.2",
            "KPI_HEARTBEAT_SECONDS": "5",
            "KPI_DRAIN_SECONDS": "0",
            **(environment or {}),
        },
    )
    try:
        await gateway.start()
        await gateway.says("Dashboard")
        yield gateway
    finally:
        await gateway.kill()
        gateway.close()


@asynccontextmanager
async def listening(world: World, number: int) -> AsyncIterator[None]:
    """Have so many listeners on the gateway."""
    world.listeners = [Listener([world.gateway.port], [SALES, COSTS], GRID) for _ in range(number)]
    tasks = [asyncio.create_task(listener.run()) for listener in world.listeners]
    try:
        for listener in world.listeners:
            await listener.until(lambda listener=listener: len(listener.views) == 2)  # type: ignore[misc]
        yield
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
