"""A database that fails over to another address: its standby is promoted, and nothing is lost."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from pydantic import SecretStr

from app.data.database import Database
from app.settings import Settings
from tests.cluster.cluster import through
from tests.cluster.standby import standby_of
from tests.faults.conftest import Record
from tests.faults.postgres import PostgresServer, postgres_server
from tests.faults.report import Outcome
from tests.faults.world import LISTENERS, World, gateway_on, listening, prepare
from tests.proxy import proxy
from tests.soaking import sized
from tests.world import execute, fetch, with_shadow

pytestmark = pytest.mark.soak

MOST_SECONDS = sized(20.0, soak=2.5)
"""To have all that was missed, after the promotion. On a busy machine it may take longer."""

ALL_IS_THERE = """
SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()
"""


async def replayed(world: World) -> None:
    """Wait until the standby has all that the primary has."""
    async with world.database() as database, asyncio.timeout(30):
        while not (await fetch(database, ALL_IS_THERE))[0][0]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("attributes", ["read-write", "any"])
async def test_a_standby_that_is_promoted_goes_on_where_the_primary_ended(
    attributes: str, record: Record
) -> None:
    """With `any` the standby is read even before its promotion: nobody has to be told."""
    async with AsyncExitStack() as stack:
        primary = await stack.enter_async_context(postgres_server())
        settings = await prepare(primary.url())
        standby = await stack.enter_async_context(standby_of(primary))
        first = await stack.enter_async_context(proxy(primary.socket))
        second = await stack.enter_async_context(proxy(standby.socket))
        place = f"127.0.0.1:{first.port}"
        url = through(with_shadow(primary.url()), first).replace(
            place, f"{place},127.0.0.1:{second.port}"
        )
        url = f"{url}&target_session_attrs={attributes}"
        gateway = await stack.enter_async_context(gateway_on(url))
        world = World(settings, primary, first, gateway)
        await stack.enter_async_context(listening(world, LISTENERS))
        streams = world.connections
        start = await world.shortly_before_a_minute_ends(seconds=2.0)
        await world.write(("sales", start - 300, 77.0))
        await replayed(world)
        await primary.kill()
        first.cut()
        if attributes == "read-write":
            await world.all_say("stale")
        world.settings = await promoted(standby)
        back = asyncio.get_running_loop().time()
        await world.all_have(start)
        seconds = asyncio.get_running_loop().time() - back
        # It is the one that is written from now on.
        await world.write(("sales", start - 120, 5.0))
        later = await world.shortly_before_a_minute_ends(seconds=0.5)
        await world.all_have(later)
        compared = await world.same_as_truth()
        await world.all_say("live")
        assert world.connections == streams, "a stream was closed"
    record(Outcome(f"failover, {attributes}", 1, LISTENERS, compared, 0, 0, seconds))
    assert seconds < MOST_SECONDS


async def promoted(standby: PostgresServer) -> Settings:
    """Promote a standby, and return the settings of the primary that it is now."""
    settings = Settings(database_url=SecretStr(with_shadow(standby.url())))
    async with Database(settings) as database:
        await execute(database, "SELECT pg_promote()")
    return settings
