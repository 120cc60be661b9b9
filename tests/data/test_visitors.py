"""Anybody may ask, as much as they like: what keeps the streams up to date never waits for them."""

from __future__ import annotations

import asyncio

import pytest

from app.data import visitors as module
from app.data.database import Connection, Database
from app.data.visitors import Visitors
from app.errors import DatabaseUnavailableError
from app.settings import Settings


async def number(connection: Connection) -> int:
    found: int = await connection.fetchval("SELECT pg_backend_pid()")
    return found


@pytest.mark.parametrize("size", [2, 4])
async def test_a_poller_gets_its_turn_however_many_ask(settings: Settings, size: int) -> None:
    running = 0
    begun = asyncio.Event()

    async def sleep(connection: Connection) -> None:
        nonlocal running
        running += 1
        if running == size // 2:
            begun.set()
        await connection.execute("SELECT pg_sleep(60)")

    narrow = settings.model_copy(update={"database_pool": size})
    async with Database(narrow) as database, asyncio.timeout(30):
        visitors = Visitors(database)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(visitors.read(sleep)) for _ in range(50)]
            await begun.wait()
            assert await database.read(number)
            assert running == size // 2
            for task in tasks:
                task.cancel()
        assert await visitors.read(number)


async def test_more_than_can_wait_are_refused_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 0)
    with pytest.raises(DatabaseUnavailableError, match="more reads wait"):
        await Visitors(database).read(number)


async def test_whoever_waits_too_long_is_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_SECONDS", 0.1)
    visitors = Visitors(database)
    release = asyncio.Event()

    async def hold(_: Connection) -> None:
        await release.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(database.size // 2):
            group.create_task(visitors.read(hold))
        await asyncio.sleep(0)
        with pytest.raises(DatabaseUnavailableError, match="more reads wait"):
            await visitors.read(number)
        release.set()
