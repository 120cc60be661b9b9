"""Queries do not grow with the gateways, nor messages with the listeners."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from pydantic import SecretStr

from app.service import open_publisher, open_service
from app.settings import Settings
from tests.cluster.cluster import COSTS, NOON, SALES, TICKING, overhearing
from tests.http.conftest import QueryCounter
from tests.redis_server import redis_server
from tests.running import until
from tests.world import Client, execute, moment

GATEWAYS = 5
LISTENERS = 20


async def test_one_publisher_asks_for_all_and_says_it_once(
    shadowed_settings: Settings, query_counter: QueryCounter
) -> None:
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(redis_server())
        settings = shadowed_settings.model_copy(
            update={"redis_url": SecretStr(redis.url), "grace_seconds": 0.2}
        )
        opening = [open_service(settings) for _ in range(GATEWAYS)]
        services = [await stack.enter_async_context(service) for service in opening]
        database = services[0].database
        await execute(database, TICKING)
        sql = "INSERT INTO kpi_raw_data VALUES ($1, 'sales', 1), ($1, 'costs', 2)"
        for minute in range(5):
            await execute(database, sql, moment(NOON - 60 * minute + 10))
        sql = "UPDATE clock.shift SET shift = $1 - transaction_timestamp()"
        await execute(database, sql, moment(NOON + 55))
        await stack.enter_async_context(open_publisher(settings, lambda text: None))
        await until(lambda: all(s.hub.gauges()["processes_listening"] for s in services))
        clients = [Client(s.hub, [SALES, COSTS]) for s in services for _ in range(LISTENERS)]
        overheard = await stack.enter_async_context(overhearing(redis))
        for client in clients:
            await client.connect()
        # The publisher has found both, and said where they stand.
        await until(lambda: len(overheard.messages()) == 2)
        async with query_counter() as counted:
            overheard.said.clear()
            async with asyncio.timeout(20):
                while not all(NOON in client.views[COSTS] for client in clients):
                    await asyncio.sleep(0.01)
                    for client in clients:
                        client.read()
        assert sorted(overheard.messages()) == ["kpi:costs:minute", "kpi:sales:minute"]
        # The publisher's look at the bucket, and at most a look for corrections before it.
        assert 1 <= counted.reads <= 2
        assert all(service.metrics.messages_received >= 2 for service in services)
