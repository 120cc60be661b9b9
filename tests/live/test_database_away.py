"""The database goes away and comes back: listeners are told, and lose nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.errors import UnavailableError
from app.models import Channel, Period
from app.settings import Settings
from tests.running import until
from tests.world import Client, Hand, at, execute, moment, open_hub, step

NOON = at("2026-05-04T12:00:30+00:00")
SALES = Channel("sales", Period.MINUTE)


@pytest.fixture
async def outage(postgres_url: str, shadowed_settings: Settings) -> Outage:
    assert shadowed_settings.database_url is not None
    url = urlsplit(shadowed_settings.database_url.get_secret_value())
    return Outage(postgres_url, url.path.removeprefix("/"))


class Outage:
    """Cuts all links to one database and lets no new one come up."""

    def __init__(self, server_url: str, name: str) -> None:
        self._server_url = server_url
        self._name = name

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[None]:
        connection = await asyncpg.connect(self._server_url)
        try:
            await connection.execute(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false")
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
                self._name,
            )
            yield
        finally:
            await connection.execute(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true")
            await connection.close()


async def test_listeners_hear_of_it_and_lose_nothing(
    shadowed_settings: Settings, outage: Outage
) -> None:
    async with open_hub(shadowed_settings) as (hub, database):
        hand = Hand(database)
        await hand.set(NOON)
        for minute in range(1, 6):
            await execute(
                database,
                "INSERT INTO kpi_raw_data VALUES ($1, 'sales', $2)",
                moment(NOON - 180 + 60 * minute),
                float(minute),
            )
        client = Client(hub, [SALES])
        await client.connect()
        await hand.set(NOON + 180)
        async with outage():
            with pytest.raises(UnavailableError):
                await step(hub)
            client.read()
            (status,) = (e for e in client.events if e.event == "status")
            assert status.json()["state"] == "stale"
            assert status.json()["reason"] == "the database does not answer"
            assert status.json()["since"] == "2026-05-04T12:00:30Z"
            late = Client(hub, [Channel("other", Period.MINUTE)])
            with pytest.raises(UnavailableError):
                await late.connect()
            seen = {SALES: dict(client.views[SALES])}
            same = Client(hub, [SALES], views=seen, cursor=client.cursor)
            await same.connect()  # all it needs is in memory

        def back() -> bool:
            client.read()
            return any(e.json().get("state") == "live" for e in client.events)

        await until(back)
        await until(lambda: client.views[SALES].keys() >= {NOON + 90})
        values = [numbers[0] for _, numbers in sorted(client.views[SALES].items())]
        assert values == [1.0, 2.0, 3.0, 4.0, 5.0]
        same.read()
        assert (client.sent_twice, same.sent_twice) == (0, 0)
        assert client.cursor == same.cursor
