"""What one publisher had seen and not said, the next one says."""

from __future__ import annotations

import asyncio

from pydantic import SecretStr

from app.models import Channel, Period
from app.service import open_publisher, open_service
from app.settings import Settings
from tests.cluster.cluster import overhearing
from tests.redis_server import redis_server
from tests.running import until
from tests.world import Client, Hand, at, execute, moment

NOON = at("2026-05-04T12:00:30+00:00")
SALES = Channel("sales", Period.MINUTE)


async def test_a_correction_that_fell_between_two_terms_is_not_lost(
    shadowed_settings: Settings,
) -> None:
    async with redis_server() as redis:
        settings = shadowed_settings.model_copy(update={"redis_url": SecretStr(redis.url)})
        async with open_service(settings) as service:
            hub, database = service.hub, service.database
            await Hand(database).set(NOON)
            sql = "INSERT INTO kpi_raw_data VALUES ($1, 'sales', $2)"
            await execute(database, sql, moment(NOON - 100), 1.0)
            client = Client(hub, [SALES])
            async with overhearing(redis) as overheard:
                async with open_publisher(settings, lambda text: None):
                    await until(lambda: bool(hub.gauges()["processes_listening"]))
                    await client.connect()
                    await until(lambda: len(overheard.messages()) == 1)
                await execute(database, sql, moment(NOON - 100), 2.0)
                # What the next one loads has both rows: to it nothing has changed.
                async with open_publisher(settings, lambda text: None):
                    async with asyncio.timeout(10):
                        while [e.event for e in client.events][1:] != ["correction"]:
                            await asyncio.sleep(0.01)
                            client.read()
                    assert len(overheard.messages()) == 2
            # It was never so silent that the gateway polled.
            assert service.metrics.messages_missed == 1
            assert hub.gauges()["processes_listening"]
