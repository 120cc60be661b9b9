"""Who keeps the rollups: every second while somebody reads, seldom otherwise, and what it says."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr

from app.data import rollups
from app.data.database import Connection, Database
from app.data.rollups import (
    IDLE_SECONDS,
    LONGEST_IDLE_SECONDS,
    MANY_ENTRIES,
    SHORTEST_IDLE_SECONDS,
    Rollups,
    _fitted,
)
from app.settings import Settings
from tests.world import execute, fetch

ROW = "INSERT INTO kpi_raw_data VALUES ('2024-03-30T22:00:01Z', 'alpha', 1)"

READER = """
    DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
    GRANT SELECT ON kpi_values_minute, kpi_values_hour, kpi_values_day TO reader;
"""


async def test_the_keeper_cleans_and_outlives_a_database_that_goes(database: Database) -> None:
    async with Rollups(database):
        await execute(database, ROW)
        await clean(database)
        await execute(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        await execute(database, ROW)
        await clean(database)


async def clean(database: Database) -> None:
    async with asyncio.timeout(10):
        while True:
            # Somebody reads, so they are kept.
            if await database.read(dirty) == 0:
                return
            await asyncio.sleep(0.05)


async def dirty(connection: Connection) -> int:
    found: int = await connection.fetchval("SELECT count(*) FROM kpi_dirty")
    return found


async def test_with_nobody_reading_a_database_is_left_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "PAUSE_SECONDS", 0.01)
    await execute(database, ROW)
    async with Rollups(database):
        await cleaned(database)
        await execute(database, ROW)
        await asyncio.sleep(100 * rollups.PAUSE_SECONDS)
        assert await fetch(database, "TABLE kpi_dirty") != []
        await database.read(dirty)
        await cleaned(database)


async def cleaned(database: Database) -> None:
    """Wait for it, without reading as those do for whom the rollups are kept."""
    async with asyncio.timeout(10):
        while True:
            if not await fetch(database, "TABLE kpi_dirty"):
                return
            await asyncio.sleep(0.02)


async def test_a_role_that_may_not_write_says_so_once(
    database: Database, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    await execute(database, READER)
    assert settings.database_url is not None
    reader = SecretStr(settings.database_url.get_secret_value().replace("postgres@", "reader@"))
    async with Database(settings.model_copy(update={"database_url": reader})) as reading:
        keeper = Rollups(reading)
        for _ in range(3):
            assert await keeper._turn(1.0) == IDLE_SECONDS
    [said] = caplog.messages
    assert "does not keep the rollups" in said
    assert "permission denied" in said


def test_the_less_is_written_the_less_is_looked() -> None:
    idle = IDLE_SECONDS
    for _ in range(9):
        idle = _fitted(idle, 0)
    assert idle == LONGEST_IDLE_SECONDS
    assert _fitted(idle, 10) == idle
    for _ in range(9):
        idle = _fitted(idle, MANY_ENTRIES + 1)
    assert idle == SHORTEST_IDLE_SECONDS
