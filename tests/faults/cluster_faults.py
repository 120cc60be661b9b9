"""Faults of publishers, gateways, the database and Redis, each undone when its context is left.

A number says which of two is meant.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.cluster.cluster import Cluster
from tests.cluster.program import Program
from tests.faults.postgres import PostgresServer


@asynccontextmanager
async def publisher_killed(
    cluster: Cluster, postgres: PostgresServer, number: int
) -> AsyncIterator[None]:
    async with _away(cluster.publishers, number, Program.kill):
        yield


@asynccontextmanager
async def publisher_frozen(
    cluster: Cluster, postgres: PostgresServer, number: int
) -> AsyncIterator[None]:
    publisher = cluster.publishers[number % 2]
    publisher.freeze()
    yield
    publisher.wake()


@asynccontextmanager
async def gateway_stopped(
    cluster: Cluster, postgres: PostgresServer, number: int
) -> AsyncIterator[None]:
    async with _away(cluster.gateways, number, Program.stop):
        yield


@asynccontextmanager
async def gateway_killed(
    cluster: Cluster, postgres: PostgresServer, number: int
) -> AsyncIterator[None]:
    async with _away(cluster.gateways, number, Program.kill):
        yield


@asynccontextmanager
async def gateway_frozen(
    cluster: Cluster, postgres: PostgresServer, number: int
) -> AsyncIterator[None]:
    gateway = cluster.gateways[number % 2]
    gateway.freeze()
    yield
    gateway.wake()


@asynccontextmanager
async def database_frozen(
    cluster: Cluster, postgres: PostgresServer, number: int
) -> AsyncIterator[None]:
    postgres.send(signal.SIGSTOP)
    yield
    postgres.send(signal.SIGCONT)


@asynccontextmanager
async def database_killed(
    cluster: Cluster, postgres: PostgresServer, number: int
) -> AsyncIterator[None]:
    await postgres.kill()
    yield
    await postgres.start()


@asynccontextmanager
async def database_cut(
    cluster: Cluster, postgres: PostgresServer, number: int
) -> AsyncIterator[None]:
    cables = [cluster.cable_to_database, cluster.first_to_database]
    cables[number % 2].cut()
    yield
    cables[number % 2].mend()


@asynccontextmanager
async def database_unplugged(
    cluster: Cluster, postgres: PostgresServer, number: int
) -> AsyncIterator[None]:
    cables = [cluster.cable_to_database, cluster.first_to_database]
    cables[number % 2].silence()
    yield
    cables[number % 2].mend()


@asynccontextmanager
async def redis_restarted(
    cluster: Cluster, postgres: PostgresServer, number: int
) -> AsyncIterator[None]:
    await cluster.redis.kill()
    yield
    await cluster.redis.start()


@asynccontextmanager
async def redis_cut(cluster: Cluster, postgres: PostgresServer, number: int) -> AsyncIterator[None]:
    cables = [cluster.cable_to_redis, cluster.first_to_redis]
    cables[number % 2].cut()
    yield
    cables[number % 2].mend()


@asynccontextmanager
async def redis_unplugged(
    cluster: Cluster, postgres: PostgresServer, number: int
) -> AsyncIterator[None]:
    cables = [cluster.cable_to_redis, cluster.first_to_redis]
    cables[number % 2].silence()
    yield
    cables[number % 2].mend()


@asynccontextmanager
async def _away(
    programs: list[Program], number: int, end: Callable[[Program], Awaitable[object]]
) -> AsyncIterator[None]:
    program = programs[number % len(programs)]
    await end(program)
    yield
    await program.start()


FAULTS = {
    fault.__name__: (part, fault)
    for part, faults in {
        "publishers": (publisher_killed, publisher_frozen),
        "gateways": (gateway_stopped, gateway_killed, gateway_frozen),
        "database": (database_frozen, database_killed, database_cut, database_unplugged),
        "redis": (redis_restarted, redis_cut, redis_unplugged),
    }.items()
    for fault in faults
}
