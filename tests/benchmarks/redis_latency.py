"""What the way through Redis adds to the time from a look at the database to a listener.

`python -m tests.benchmarks.redis_latency` measures on a database and a Redis of its own. A round
moves the database's clock by a minute and takes a turn of the poller: in one case the poller feeds
the listeners of its own process, in the other it is a publisher's, and the listener is in a
gateway in another process. Both clocks are the kernel's monotonic one.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import psutil
from pydantic import SecretStr

from app.data import schema
from app.data.database import Database
from app.data.election import elected
from app.data.embedded.server import embedded_postgres
from app.data.repository import Repository
from app.data.rollups import Rollups
from app.live.cluster.publisher import Publisher
from app.live.cluster.redis_publication import RedisPublication
from app.live.hub import Hub
from app.metrics import Metrics
from app.models import Channel, Period
from app.server.serve import settle_collector
from app.service import open_service
from app.settings import Settings
from tests.benchmarks.figures import percentile
from tests.redis_server import redis_server
from tests.running import until
from tests.world import SHADOW, Hand, with_shadow

WARMING_UP = 5
"""Rounds that are not timed."""

FIRST = 1_767_225_600
"""2026-01-01T00:00Z"""


@dataclass(frozen=True)
class Cpu:
    """CPU seconds a channel and round: the turn of one process, or of each through Redis."""

    in_process: float
    publisher: float
    redis: float
    gateway: float


@dataclass(frozen=True)
class RedisLatency:
    """Seconds from the beginning of a turn to the listener, in process and through Redis."""

    channels: int
    rounds: int
    in_process_p50: float
    in_process_p99: float
    redis_p50: float
    redis_p99: float
    cpu: Cpu

    @property
    def added_p99(self) -> float:
        """What Redis adds to the slowest hundredth."""
        return self.redis_p99 - self.in_process_p99


class _Reader:
    """A subscriber that takes down when the last value of a round came."""

    expires = float("inf")

    def __init__(self, channels: int) -> None:
        self.arrived: asyncio.Queue[float] = asyncio.Queue()
        self._channels = channels
        self._events = 0

    def deliver(self, payload: Any) -> None:
        self._events += payload.plain.count(b"event: value") + payload.plain.count(b"event: gap")
        if self._events >= self._channels:
            self._events -= self._channels
            self.arrived.put_nowait(time.perf_counter())

    def close(self) -> None:
        pass


def channels_of(count: int) -> list[Channel]:
    return [Channel(f"kpi_{number:05}", Period.MINUTE) for number in range(count)]


@asynccontextmanager
async def listening(hub: Hub, count: int) -> AsyncIterator[_Reader]:
    async with hub.subscribe(channels_of(count), [], 1) as subscription:
        reader = _Reader(count)
        subscription.replace(reader)
        settle_collector()
        yield reader
        subscription.leave()


class Rounds:
    """Moves the clock, and times turns from there to the listener."""

    def __init__(self, database: Database, count: int) -> None:
        self._hand = Hand(database)
        self._count = count
        self._minute = 1

    async def times(self, poller: Any, reader: Any, rounds: int) -> list[float]:
        seconds = []
        for number in range(rounds + WARMING_UP):
            self._minute += 1
            await self._hand.set(FIRST + 60 * self._minute + 30)
            await asyncio.sleep(0.005)
            began = time.perf_counter()
            turn = asyncio.create_task(poller.turn(compare=True))
            arrived = await asyncio.wait_for(reader(), 20)
            await turn
            if number >= WARMING_UP:
                seconds.append(arrived - began)
        return sorted(seconds)


async def redis_latency(channels: int, rounds: int) -> RedisLatency:
    """Measure both ways, with values on so many channels in a round."""
    with TemporaryDirectory(prefix="kpi-") as folder:
        async with embedded_postgres(Path(folder)) as plain, redis_server() as redis:
            settings = Settings(
                database_url=SecretStr(with_shadow(plain)), redis_url=SecretStr(redis.url)
            )
            await _prepare(plain, channels, 2 * rounds + 20)
            async with Database(settings) as database:
                repository = Repository(database, settings)
                watch = Rounds(database, channels)
                async with (
                    Hub(repository, settings, Metrics()) as hub,
                    listening(hub, channels) as reader,
                ):
                    poller = hub.pollers[Period.MINUTE]
                    spent = time.process_time()
                    alone = await watch.times(poller, reader.arrived.get, rounds)
                    spent = time.process_time() - spent
                through, cpu = await _through_redis(settings, database, watch, channels, rounds)
    return RedisLatency(
        channels,
        rounds,
        percentile(alone, 0.5),
        percentile(alone, 0.99),
        percentile(through, 0.5),
        percentile(through, 0.99),
        Cpu(*(seconds / channels / (rounds + WARMING_UP) for seconds in (spent, *cpu))),
    )


async def _prepare(url: str, channels: int, minutes: int) -> None:
    settings = Settings(database_url=SecretStr(url))
    async with Database(settings) as database:
        await schema.init(database, settings)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(SHADOW)
        await connection.execute(
            "INSERT INTO kpi_raw_data SELECT to_timestamp($1::bigint + 60 * m), c, random()"
            " FROM generate_series(-10, $2::int) m, unnest($3::text[]) c",
            FIRST,
            minutes,
            [channel.code for channel in channels_of(channels)],
        )
    finally:
        await connection.close()
    async with Database(settings) as database:
        await Rollups(database).refresh()


async def _through_redis(
    settings: Settings, database: Database, watch: Rounds, channels: int, rounds: int
) -> tuple[list[float], tuple[float, float, float]]:
    assert settings.database_url is not None
    assert settings.redis_url is not None
    gateway = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __spec__.name if __spec__ else "tests.benchmarks.redis_latency"),
        settings.database_url.get_secret_value(),
        settings.redis_url.get_secret_value(),
        str(channels),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert gateway.stdout is not None

    async def arrival() -> float:
        assert gateway.stdout is not None
        return float(await gateway.stdout.readline())

    try:
        async with (
            RedisPublication(settings.redis_url.get_secret_value()) as publication,
            elected(database, lambda: None) as leadership,
        ):
            repository = Repository(database, settings)
            publisher = Publisher(repository, settings, publication, leadership)
            serving = asyncio.create_task(publisher.serve())
            try:
                await asyncio.wait_for(gateway.stdout.readline(), 20)
                await until(lambda: sum(t.loaded for t in publisher._topics.values()) == channels)
                settle_collector()
                before = await _spent(publication, gateway.pid)
                times = await watch.times(publisher._pollers[Period.MINUTE], arrival, rounds)
                after = await _spent(publication, gateway.pid)
                own, redis, gateways = (b - a for a, b in zip(before, after, strict=True))
                return times, (own, redis, gateways)
            finally:
                serving.cancel()
                await asyncio.wait([serving])
    finally:
        if gateway.returncode is None:
            gateway.kill()
        await gateway.wait()


async def _spent(publication: RedisPublication, gateway: int) -> tuple[float, float, float]:
    """Return the CPU seconds so far of this process, of Redis, and of the gateway."""
    told = await publication._client.info("cpu")
    times = psutil.Process(gateway).cpu_times()
    redis = told["used_cpu_user"] + told["used_cpu_sys"]
    return time.process_time(), redis, times.user + times.system


async def be_gateway(url: str, redis: str, count: int) -> None:
    """Listen, and print when each round's last value came."""
    settings = Settings(database_url=SecretStr(url), redis_url=SecretStr(redis))
    async with open_service(settings) as service:
        await until(lambda: bool(service.hub.gauges()["processes_listening"]))
        async with listening(service.hub, count) as reader:
            print("ready", flush=True)
            while True:
                print(await reader.arrived.get(), flush=True)


async def main() -> None:
    for channels, rounds in ((1, 500), (100, 100), (2000, 20)):
        print(await redis_latency(channels, rounds), flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        asyncio.run(be_gateway(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    else:
        asyncio.run(main())
