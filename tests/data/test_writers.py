"""Rollups on plain PostgreSQL while several write, read and refresh at once."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from app.data.database import Database
from app.data.rollups import Rollups
from app.settings import Settings
from tests.data.test_rollups import BASE, take
from tests.data.truth import untrue
from tests.soaking import sized
from tests.world import execute, fetch

WRITING_SECONDS = sized(3.0, soak=120.0)


async def write(database: Database, seed: int, until: float) -> int:
    """Write, change and delete rows of the same few minutes as everybody else."""
    chance = random.Random(seed)
    written = 0
    while asyncio.get_running_loop().time() < until:
        rows = [
            (
                BASE + timedelta(seconds=chance.uniform(0, 7200)),
                chance.choice("ab"),
                chance.gauss(0, 9),
            )
            for _ in range(chance.choice([1, 5, 400]))
        ]
        async with database.transaction() as connection:
            await connection.copy_records_to_table("kpi_raw_data", records=rows)
            if chance.random() < 0.3:
                await connection.execute(
                    "DELETE FROM kpi_raw_data WHERE ctid = ANY (ARRAY(SELECT ctid "
                    "FROM kpi_raw_data WHERE value > $1 LIMIT 20 FOR UPDATE SKIP LOCKED))",
                    chance.gauss(0, 9),
                )
            if chance.random() < 0.1:
                await connection.execute(
                    "UPDATE kpi_raw_data SET value = value - 0.1 WHERE ctid = ANY (ARRAY("
                    "SELECT ctid FROM kpi_raw_data LIMIT 20 FOR UPDATE SKIP LOCKED))",
                )
        written += len(rows)
    return written


async def refresh(database: Database, until: float) -> int:
    times = 0
    while asyncio.get_running_loop().time() < until:
        await Rollups(database).refresh()
        times += 1
    return times


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.timeout(WRITING_SECONDS * 3 + 60)
async def test_two_writers_at_once_lose_nothing(settings: Settings) -> None:
    """No deadlock, no lost update, no wrong sum to a reader, while refreshes run all the time."""
    roomy = settings.model_copy(update={"database_pool": 6})
    async with Database(roomy) as database:
        until = asyncio.get_running_loop().time() + WRITING_SECONDS
        async with asyncio.TaskGroup() as group:
            writers = [group.create_task(write(database, seed, until)) for seed in (1, 2)]
            refreshes = group.create_task(refresh(database, until))
            group.create_task(agree(database, until))
        written = [writer.result() for writer in writers]
        print(
            f"{written} rows by two writers in {WRITING_SECONDS} s, {refreshes.result()} refreshes"
        )
        assert min(written) > 0
        assert refreshes.result() > 1
        assert await untrue(database) == []
        await Rollups(database).refresh()
        assert await fetch(database, "TABLE kpi_dirty") == []
        assert await untrue(database) == []


async def agree(database: Database, until: float) -> None:
    """Hold the views against the raw rows, both in one statement, which sees one moment."""
    while asyncio.get_running_loop().time() < until:
        for period in ("minute", "hour", "day"):
            [sums] = await fetch(
                database,
                f"SELECT (SELECT sum(sum_value) FROM kpi_values_{period}), "
                "(SELECT sum(value::text::numeric) FROM kpi_raw_data)",
            )
            assert sums[0] == sums[1], period


@pytest.mark.slow
async def test_truncate_beside_readers_and_refreshes(settings: Settings) -> None:
    roomy = settings.model_copy(update={"database_pool": 6})
    async with Database(roomy) as database:
        until = asyncio.get_running_loop().time() + 2

        async def truncate() -> None:
            while asyncio.get_running_loop().time() < until:
                await take(database, ("insert", [(60.0 * m, "alpha", m / 7) for m in range(50)]))
                await execute(database, "TRUNCATE kpi_raw_data")

        async with asyncio.TaskGroup() as group:
            group.create_task(truncate())
            group.create_task(refresh(database, until))
            group.create_task(agree(database, until))
        assert await untrue(database) == []


async def test_a_writer_does_not_wait_for_another(database: Database) -> None:
    insert = "INSERT INTO kpi_raw_data VALUES ('2024-05-05T05:05Z', 'a', 1)"
    async with database.transaction() as one:
        await one.execute(insert)
        async with database.transaction() as two, asyncio.timeout(5):
            await two.execute(insert)
            assert await Rollups(database).refresh() is not None
    await Rollups(database).refresh()
    assert await untrue(database) == []
