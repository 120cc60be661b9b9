"""Publishers, gateways, Redis and a database whose clock ticks, with a proxy wherever one is cut.

Every process reaches the database and Redis through proxies; those of the first gateway are its
own, the others share theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from app.data.database import Database
from app.grid import Grid
from app.live.cluster.messages import BEAT_TOPIC, TOPICS, Beat, Message
from app.models import Channel, Period
from app.settings import Settings
from tests.cluster.listener import Listener
from tests.cluster.program import Program
from tests.proxy import Proxy, proxy
from tests.redis_server import RedisServer, redis_server
from tests.world import at, execute, fetch, moment, truth
from tests.zones import zone

TICKING = """
CREATE TABLE IF NOT EXISTS clock.shift AS SELECT INTERVAL '0' AS shift;
CREATE OR REPLACE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT transaction_timestamp() + shift FROM clock.shift';
"""
NOON = at("2026-05-04T12:00:00+00:00")
GRID = Grid(Period.MINUTE, zone())
SALES, COSTS = Channel("sales", Period.MINUTE), Channel("costs", Period.MINUTE)


@dataclass
class Overheard:
    """All that was said through Redis, in its order: epoch, topic."""

    said: list[tuple[int, str]] = field(default_factory=list)

    def epochs(self) -> list[int]:
        return [epoch for epoch, _ in self.said]

    def messages(self) -> list[str]:
        return [topic for _, topic in self.said if topic != BEAT_TOPIC]


class Cluster:
    def __init__(self, database: Database, redis: RedisServer) -> None:
        self.database = database
        self.redis = redis
        self.publishers: list[Program] = []
        self.gateways: list[Program] = []
        self.cable_to_database: Proxy
        self.cable_to_redis: Proxy
        self.first_to_database: Proxy
        self.first_to_redis: Proxy

    async def leader(self) -> tuple[Program, Program]:
        """Wait for an election; return who leads and who stands by."""
        tasks = [asyncio.create_task(p.says("publishing, epoch")) for p in self.publishers]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            leads = tasks[0].done()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        first, second = self.publishers
        leader, other = (first, second) if leads else (second, first)
        await other.says("standing by")
        return leader, other

    async def set_clock(self, at_seconds: float) -> None:
        """Let it be `at_seconds` at the database now; its clock goes on from there."""
        await execute(
            self.database,
            "UPDATE clock.shift SET shift = $1 - transaction_timestamp()",
            moment(at_seconds),
        )

    async def write(self, code: str, at_seconds: float, value: float) -> None:
        await execute(
            self.database,
            "INSERT INTO kpi_raw_data VALUES ($1, $2, $3)",
            moment(at_seconds),
            code,
            value,
        )

    async def same_as_truth(self, listeners: list[Listener]) -> None:
        """Hold what each listener shows against the raw rows, and its account of wrongs."""
        for listener in listeners:
            assert listener.wrongs == []
            for channel, view in listener.views.items():
                said = await truth(self.database, channel, GRID, sorted(view))
                await listener.until(lambda view=view, said=said: view == said)  # type: ignore[misc]

    async def now(self) -> float:
        rows = await fetch(self.database, "SELECT extract(epoch FROM now())::float8")
        return float(rows[0][0])


def through(url: str, cable: Proxy) -> str:
    """Return a database's URL by way of a proxy."""
    parts = urlsplit(url)
    query = "&".join(word for word in parts.query.split("&") if word[:5] not in ("host=", "port="))
    return urlunsplit(parts._replace(netloc=f"postgres@127.0.0.1:{cable.port}", query=query))


@asynccontextmanager
async def open_cluster(
    settings: Settings, *, publishers: int = 2, gateways: int = 2
) -> AsyncIterator[Cluster]:
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    query = parse_qs(urlsplit(url).query)
    socket = Path(query["host"][0]) / f".s.PGSQL.{query['port'][0]}"
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(settings))
        await execute(database, TICKING)
        redis = await stack.enter_async_context(redis_server())
        cluster = Cluster(database, redis)
        cluster.cable_to_database = await stack.enter_async_context(proxy(socket))
        cluster.cable_to_redis = await stack.enter_async_context(proxy(redis.socket))
        cluster.first_to_database = await stack.enter_async_context(proxy(socket))
        cluster.first_to_redis = await stack.enter_async_context(proxy(redis.socket))
        shared = _environment(url, cluster.cable_to_database, cluster.cable_to_redis)
        own = _environment(url, cluster.first_to_database, cluster.first_to_redis)
        cluster.publishers = [Program("publish", shared) for _ in range(publishers)]
        cluster.gateways = [Program("serve", own if n == 0 else shared) for n in range(gateways)]
        await cluster.set_clock(NOON + 30)
        programs = [*cluster.publishers, *cluster.gateways]
        for program in programs:
            stack.callback(program.close)
            stack.push_async_callback(program.kill)
            await program.start()
        for gateway in cluster.gateways:
            await gateway.says("messages flow" if publishers else "Dashboard")
        yield cluster


def _environment(url: str, database: Proxy, redis: Proxy) -> dict[str, str]:
    return {
        "KPI_DATABASE_URL": through(url, database),
        "KPI_REDIS_URL": f"redis://127.0.0.1:{redis.port}",
        "KPI_GRACE_SECONDS": "0.2",
        "KPI_HEARTBEAT_SECONDS": "5",
        "KPI_DRAIN_SECONDS": "0",
    }


@asynccontextmanager
async def listening(cluster: Cluster, count: int) -> AsyncIterator[list[Listener]]:
    """Have listeners on the gateways, who go to another when theirs is gone."""
    ports = [gateway.port for gateway in cluster.gateways]
    listeners = [Listener(ports, [SALES, COSTS], GRID, first=n) for n in range(count)]
    tasks = [asyncio.create_task(listener.run()) for listener in listeners]
    try:
        for listener in listeners:
            await listener.until(lambda listener=listener: len(listener.views) == 2)  # type: ignore[misc]
        yield listeners
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@asynccontextmanager
async def overhearing(redis: RedisServer) -> AsyncIterator[Overheard]:
    """Take down all that is published; a pattern's subscriber is none that Redis tells of."""
    overheard = Overheard()
    async with Redis.from_url(redis.url) as client, client.pubsub() as pubsub:
        await pubsub.psubscribe(BEAT_TOPIC, TOPICS)
        task = asyncio.create_task(_overhear(pubsub, overheard))
        try:
            yield overheard
        finally:
            task.cancel()
            await asyncio.wait([task])


async def _overhear(pubsub: PubSub, overheard: Overheard) -> None:
    async for found in pubsub.listen():
        if found["type"] == "pmessage":
            topic = found["channel"].decode()
            kind = Beat if topic == BEAT_TOPIC else Message
            overheard.said.append((kind.decode(found["data"]).epoch, topic))
