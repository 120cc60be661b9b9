"""Reads from a replica that streams, lags, or is away: never less than the primary has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from pydantic import SecretStr

from app.data import schema
from app.data.database import Database
from app.data.replica import ReplicatedRepository
from app.data.repository import Repository
from app.data.rows import Reading
from app.models import Period
from app.settings import Settings
from tests.cluster.standby import primary_and_replica
from tests.world import execute, fetch

SCANS = """
SELECT sum(coalesce(seq_scan, 0) + coalesce(idx_scan, 0))::int FROM pg_stat_user_tables
WHERE relname LIKE 'kpi_rollup_%'
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def urls() -> AsyncIterator[tuple[str, str]]:
    async with primary_and_replica() as both:
        async with Database(settings_of(both)) as database:
            await schema.init(database, settings_of(both))
        yield both


def settings_of(urls: tuple[str, str]) -> Settings:
    return Settings(database_url=SecretStr(urls[0]), grace_seconds=0)


@asynccontextmanager
async def opened(urls: tuple[str, str]) -> AsyncIterator[tuple[Database, Database, Settings]]:
    settings = settings_of(urls)
    async with Database(settings) as primary, Database(settings, url=urls[1]) as replica:
        await execute(primary, "TRUNCATE kpi_raw_data")
        yield primary, replica, settings


async def write(primary: Database, minutes_ago: int, value: float) -> None:
    sql = "INSERT INTO kpi_raw_data VALUES (now() - make_interval(mins => $1), 'sales', $2)"
    await execute(primary, sql, minutes_ago, value)


def values(reading: Reading) -> list[float | None]:
    return [bucket.value for _, bucket in reading.rows]


async def scans(replica: Database) -> int:
    """Return how often the replica has looked into its aggregates."""
    await execute(replica, "SELECT pg_stat_force_next_flush()")
    return int((await fetch(replica, SCANS))[0][0])


@pytest.mark.asyncio(loop_scope="module")
async def test_what_was_written_just_now_is_read_from_the_replica(urls: tuple[str, str]) -> None:
    async with opened(urls) as (primary, replica, settings):
        repository = ReplicatedRepository(primary, replica, settings)
        before = await scans(replica)
        for number in range(1, 6):
            await write(primary, number, float(number))
            reading = await repository.window(Period.MINUTE, ["sales"], 60)
            assert values(reading) == [float(n) for n in range(number, 0, -1)]
            first = reading.rows[0][1].start
            again = await repository.since(Period.MINUTE, {"sales": first})
            assert values(again) == values(reading)
        assert await scans(replica) >= before + 10
        truth = await Repository(primary, settings).window(Period.MINUTE, ["sales"], 60)
        assert truth.rows == reading.rows


@pytest.mark.asyncio(loop_scope="module")
async def test_a_replica_that_lags_is_passed_over(urls: tuple[str, str]) -> None:
    async with opened(urls) as (primary, replica, settings):
        repository = ReplicatedRepository(primary, replica, settings)
        await repository.window(Period.MINUTE, ["sales"], 60)
        await execute(replica, "SELECT pg_wal_replay_pause()")
        try:
            await write(primary, 2, 7.0)
            reading = await repository.window(Period.MINUTE, ["sales"], 60)
            assert values(reading) == [7.0]
            behind = await Repository(replica, settings).window(Period.MINUTE, ["sales"], 60)
            assert values(behind) == []
        finally:
            await execute(replica, "SELECT pg_wal_replay_resume()")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_replica_that_is_away_is_left_alone(urls: tuple[str, str]) -> None:
    nowhere = (urls[0], urls[1].replace("host=", "host=/nowhere"))
    async with opened(nowhere) as (primary, replica, settings):
        repository = ReplicatedRepository(primary, replica, settings)
        await write(primary, 2, 7.0)
        for _ in range(3):
            async with asyncio.timeout(3):
                reading = await repository.window(Period.MINUTE, ["sales"], 60)
            assert values(reading) == [7.0]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_clock_that_is_ahead_at_the_replica_completes_nothing(
    urls: tuple[str, str],
) -> None:
    async with opened(urls) as (primary, _, settings):
        shadow = "CREATE SCHEMA IF NOT EXISTS ahead; CREATE OR REPLACE FUNCTION ahead.now()"
        await execute(
            primary,
            f"{shadow} RETURNS timestamptz LANGUAGE sql STABLE AS "
            "'SELECT transaction_timestamp() + INTERVAL ''10 minutes'''",
        )
        for number in range(4):
            await write(primary, number, float(number))
        ahead = f"{urls[1]}&search_path=ahead,public,pg_catalog"
        async with Database(settings, url=ahead) as replica:
            repository = ReplicatedRepository(primary, replica, settings)
            before = await scans(replica)
            reading = await repository.window(Period.MINUTE, ["sales"], 60)
            truth = await Repository(primary, settings).window(Period.MINUTE, ["sales"], 60)
            assert (reading.complete_until, reading.rows) == (truth.complete_until, truth.rows)
            assert await scans(replica) > before
