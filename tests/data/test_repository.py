"""What the repository reads: complete buckets alone, in one query, of whatever views there are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from app.data import repository as module
from app.data import schema
from app.data.database import Database
from app.data.repository import Repository
from app.errors import ConfigurationError
from app.grid import Grid
from app.models import Bucket, CatalogueEntry, Period
from app.settings import Settings
from tests.backends import both_backends, settle
from tests.world import Hand, at, build_days, execute, moment

NOON = at("2024-05-04T12:00:00Z")


@asynccontextmanager
async def opened(settings: Settings, now: float) -> AsyncIterator[tuple[Repository, Database]]:
    await build_days(settings)
    async with Database(settings) as database:
        await Hand(database).set(now)
        yield Repository(database, settings), database


async def write(database: Database, *rows: tuple[float, str, float]) -> None:
    for at_seconds, code, value in rows:
        await execute(
            database,
            "INSERT INTO kpi_raw_data VALUES ($1, $2, $3)",
            moment(at_seconds),
            code,
            value,
        )


def numbers(rows: list[tuple[str, Bucket]]) -> list[tuple[Any, ...]]:
    return [(code, *bucket[:5]) for code, bucket in rows]


@both_backends
async def test_only_complete_buckets_are_read(shadowed_settings: Settings) -> None:
    async with opened(shadowed_settings, NOON + 1.5) as (repository, database):
        rows = [
            (NOON - 61, "a", 5.0),
            (NOON - 60, "a", 1.0),
            (NOON - 1, "a", 4.0),
            (NOON, "a", 9.0),
        ]
        await write(database, *rows)
        await settle(database, shadowed_settings)
        reading = await repository.new_buckets(Period.MINUTE, ["a", "b"], NOON - 600)
        assert (reading.now, reading.complete_until) == (NOON + 1.5, NOON - 60)
        assert numbers(reading.rows) == [("a", NOON - 120, 5.0, 1, 5.0, 5.0)]
        await Hand(database).set(NOON + 2)
        reading = await repository.new_buckets(Period.MINUTE, ["a", "b"], NOON - 120)
        assert (reading.now, reading.complete_until) == (NOON + 2, NOON)
        assert numbers(reading.rows) == [("a", NOON - 60, 2.5, 2, 1.0, 4.0)]
        reading = await repository.new_buckets(Period.HOUR, ["a"], 0)
        assert reading.complete_until == NOON
        assert numbers(reading.rows) == [("a", NOON - 3600, 10 / 3, 3, 1.0, 5.0)]
        assert (await repository.new_buckets(Period.MINUTE, [], 0)).rows == []
        assert await repository.clock() == NOON + 2


@both_backends
async def test_a_window_is_counted_by_the_grid(shadowed_settings: Settings) -> None:
    settings = shadowed_settings.model_copy(update={"timezone": "Europe/Berlin"})
    now = at("2024-10-29T12:00:00+01:00")
    grid = Grid(Period.DAY, settings.zone)
    async with opened(settings, now) as (repository, database):
        days = [grid.shift(grid.start(grid.index(now)), -back) for back in range(5)]
        await write(database, *((day + 1, code, day) for day in days for code in "ab"))
        await settle(database, settings)
        for depth in (1, 2, 3, 4):
            reading = await repository.window(Period.DAY, ["b", "a"], depth)
            assert reading.complete_until == days[0]
            held = [(code, day) for code in "ab" for day in sorted(days[1 : depth + 1])]
            assert [(code, bucket.start) for code, bucket in reading.rows] == held
        reading = await repository.window(Period.MINUTE, ["a"], 60)
        assert reading.rows == []
        reading = await repository.window(Period.HOUR, ["a"], 36)
        assert [bucket.start for _, bucket in reading.rows] == [days[1], days[0]]


@both_backends
async def test_each_code_since_its_own_time(shadowed_settings: Settings) -> None:
    async with opened(shadowed_settings, NOON + 5) as (repository, database):
        await write(database, *((NOON - 60 * m, code, m) for m in range(1, 9) for code in "abc"))
        await settle(database, shadowed_settings)
        reading = await repository.since(Period.MINUTE, {"b": NOON - 120, "a": NOON - 60, "x": 0})
        assert numbers(reading.rows) == [
            ("a", NOON - 60, 1.0, 1, 1.0, 1.0),
            ("b", NOON - 120, 2.0, 1, 2.0, 2.0),
            ("b", NOON - 60, 1.0, 1, 1.0, 1.0),
        ]


@both_backends
async def test_what_differs_is_found_by_digests(shadowed_settings: Settings) -> None:
    async with opened(shadowed_settings, NOON + 5) as (repository, database):
        await write(database, *((NOON - 60 * m, code, m) for m in range(1, 9) for code in "abcd"))
        await settle(database, shadowed_settings)
        reading = await repository.window(Period.MINUTE, ["a", "b", "c", "d", "e"], 5)
        digests = dict.fromkeys("abcde", 0)
        for code, bucket in reading.rows:
            digests[code] += bucket.digest
        span = (NOON - 300, NOON)
        assert await repository.differing(Period.MINUTE, digests, *span) == {}
        await write(database, (NOON - 300, "a", 7.0), (NOON - 301, "b", 7.0), (NOON, "b", 7.0))
        await execute(database, "DELETE FROM kpi_raw_data WHERE kpi_code = 'c'")
        await execute(
            database, "UPDATE kpi_raw_data SET value = 8 WHERE kpi_code = 'd' AND value = 5"
        )
        await write(database, (NOON - 1, "e", 1.0))
        await settle(database, shadowed_settings)
        changed = await repository.differing(Period.MINUTE, digests, *span)
        assert set(changed) == {"a", "c", "d", "e"}
        assert changed["c"] == []
        assert [b.value for b in changed["a"]] == [6.0, 4.0, 3.0, 2.0, 1.0]
        assert [b.value for b in changed["d"]] == [8.0, 4.0, 3.0, 2.0, 1.0]
        assert [b.start for b in changed["e"]] == [NOON - 60]
        digests |= {code: sum(b.digest for b in buckets) for code, buckets in changed.items()}
        assert await repository.differing(Period.MINUTE, digests, *span) == {}


MOVES = {
    "a minute later": "timestamp + INTERVAL '1 minute'",
    "an hour earlier": "timestamp - INTERVAL '1 hour'",
    "two minutes swapped": "timestamptz '2024-05-04T11:56Z' - (timestamp - '2024-05-04T11:55:30Z')",
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES.keys())
@both_backends
async def test_what_has_moved_to_another_bucket_differs(
    move: str, shadowed_settings: Settings
) -> None:
    """The same contents in other buckets: no sum over the contents alone would tell."""
    async with opened(shadowed_settings, NOON + 5) as (repository, database):
        await write(database, (NOON - 270, "a", 5.0), (NOON - 240, "a", 7.0))
        await settle(database, shadowed_settings)
        reading = await repository.window(Period.MINUTE, ["a"], 120)
        digests = {"a": sum(bucket.digest for _, bucket in reading.rows)}
        span = (NOON - 7200, NOON)
        assert await repository.differing(Period.MINUTE, digests, *span) == {}
        await execute(database, f"UPDATE kpi_raw_data SET timestamp = {move}")
        await settle(database, shadowed_settings)
        changed = await repository.differing(Period.MINUTE, digests, *span)
        assert sum(bucket.digest for bucket in changed["a"]) != digests["a"]
        moved = [(bucket.start, bucket.value) for bucket in changed["a"]]
        assert moved != [(bucket.start, bucket.value) for _, bucket in reading.rows]
        assert sorted(value for _, value in moved if value is not None) == [5.0, 7.0]


async def test_each_reading_is_one_query(shadowed_settings: Settings) -> None:
    narrow = shadowed_settings.model_copy(update={"database_pool": 1})
    async with opened(narrow, NOON) as (repository, database):
        codes = [f"k{number}" for number in range(300)]
        await write(database, *((NOON - 600, code, 1.0) for code in codes[:20]))
        await repository.verify()
        asked: list[str] = []

        async def log(query: Any) -> None:
            asked.append(query.query)

        async with database.connection() as connection:
            connection.add_query_logger(log)
        for ask in (
            lambda: repository.new_buckets(Period.MINUTE, codes, NOON - 900),
            lambda: repository.window(Period.HOUR, codes, 60),
            lambda: repository.since(Period.DAY, dict.fromkeys(codes, 0)),
            lambda: repository.differing(Period.MINUTE, dict.fromkeys(codes, 0), 0, NOON),
        ):
            await ask()  # asyncpg asks about new types once
            asked.clear()
            await ask()
            assert len([query for query in asked if "kpi_values_" in query]) == 1
            assert len(asked) == 2, "the other one is the pool's, when it takes the connection back"


async def test_large_answers_are_taken_in_slices(
    shadowed_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLICE_ROWS", 7)
    async with opened(shadowed_settings, NOON + 5) as (repository, database):
        await write(database, *((NOON - 60 * m, code, m) for m in range(1, 20) for code in "ab"))
        reading = await repository.window(Period.MINUTE, ["a", "b"], 60)
        minutes = [(code, NOON - 60 * m) for code in "ab" for m in range(19, 0, -1)]
        assert [(code, bucket.start) for code, bucket in reading.rows] == minutes


async def test_days_of_another_zone_are_never_read(shadowed_settings: Settings) -> None:
    """Not even when somebody makes them anew while this process runs."""
    async with opened(shadowed_settings, NOON) as (repository, database):
        await write(database, (NOON - 86_400 * 2, "a", 1.0))
        assert len((await repository.window(Period.DAY, ["a"], 9)).rows) == 1
        await build_days(shadowed_settings.model_copy(update={"timezone": "Asia/Kolkata"}))
        with pytest.raises(ConfigurationError, match="kpi-stream db init"):
            await repository.window(Period.DAY, ["a"], 9)
        with pytest.raises(ConfigurationError, match="KPI_TIMEZONE is UTC"):
            await schema.check_zone(database, shadowed_settings)
        assert (await repository.window(Period.MINUTE, ["a"], 9)).rows == []


@pytest.mark.parametrize(
    ("name", "hour"),
    [("America/Havana", "2024-11-03T00:30:00-04:00"), ("UTC", "2024-11-03T00:30Z")],
)
async def test_in_a_repeated_hour_after_midnight_the_day_is_not_complete(
    name: str, hour: str, shadowed_settings: Settings
) -> None:
    settings = shadowed_settings.model_copy(update={"timezone": name})
    now = at(hour)
    async with opened(settings, now) as (repository, database):
        midnight = now - 1800
        await write(database, (midnight - 1, "a", 1.0), (midnight + 1, "a", 2.0))
        reading = await repository.new_buckets(Period.DAY, ["a"], 0)
        assert reading.complete_until == midnight
        assert numbers(reading.rows) == [("a", midnight - 86_400, 1.0, 1, 1.0, 1.0)]
        await Hand(database).set(midnight + 25 * 3600 + 2)
        reading = await repository.new_buckets(Period.DAY, ["a"], midnight - 1)
        assert reading.rows[0][1].start == midnight


@both_backends
async def test_the_catalogue_has_what_is_described_and_what_is_seen(
    settings: Settings, database: Database
) -> None:
    repository = Repository(database, settings)
    assert await repository.catalogue() == []
    await execute(
        database,
        "INSERT INTO kpi_catalog VALUES ('b', 'Bees', 'n', 1, 'up', 5.5, true)",
    )
    await execute(database, "INSERT INTO kpi_catalog (code) VALUES ('d')")
    now = await repository.clock()
    ages = {"minutes": 90.0, "hours": 7200.0, "days": 86_400 * 3.0, "B": 86_400 * 400.0}
    await write(database, *((now - age, code, 1.0) for code, age in ages.items()))
    await settle(database, settings)
    bees = CatalogueEntry("b", "Bees", "n", 1, "up", 5.5, simulated=True)
    entries = await repository.catalogue()
    assert [entry.code for entry in entries] == ["B", "b", "d", "days", "hours", "minutes"]
    assert entries[1:3] == [bees, CatalogueEntry("d", "d")]


@pytest.mark.parametrize("grace", [0.0, 0.1, 2.0, 59.999999, 3600.0])
async def test_the_grace_is_exact(grace: float, shadowed_settings: Settings) -> None:
    settings = shadowed_settings.model_copy(update={"grace_seconds": grace})
    async with opened(settings, NOON) as (repository, database):
        await execute(database, "UPDATE clock.hand SET at = at + $1", timedelta(seconds=grace))
        reading = await repository.new_buckets(Period.HOUR, ["a"], 0)
        assert reading.complete_until == NOON
        await execute(database, "UPDATE clock.hand SET at = at - INTERVAL '1 microsecond'")
        reading = await repository.new_buckets(Period.HOUR, ["a"], 0)
        assert reading.complete_until == NOON - 3600
