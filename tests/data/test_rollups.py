"""Rollups on plain PostgreSQL: exact whatever is written, before, between and after refreshes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from app.data import schema
from app.data.database import Database
from app.data.rollups import Rollups
from app.settings import Settings
from tests.data.truth import untrue
from tests.soaking import sized
from tests.world import execute, fetch

# Two hours before a clock is put forward to two hours after, in several of the zones below.
BASE = datetime(2024, 3, 30, 22, 0, tzinfo=UTC)
CODES = ["alpha", "beta"]

Step = tuple[Any, ...]

# Few instants, so that rows share buckets and even timestamps, on both sides of an edge.
seconds = st.one_of(
    st.sampled_from([0, 0.000001, 59.999999, 60, 3599.999999, 3600, 7200, 86_400 * 40]),
    st.floats(0, 4 * 3600),
)
values = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 0.1, 0.2, -0.3, 1e-290, 1e290, -1e290, 123456.789]),
    st.floats(1e-290, 1e290),
    st.floats(-1e290, -1e-290),
    st.integers(-(10**6), 10**6).map(lambda cents: cents / 100),
)
rows = st.lists(st.tuples(seconds, st.sampled_from(CODES), values), min_size=1, max_size=12)
steps = st.one_of(
    st.tuples(st.just("insert"), rows),
    st.tuples(st.just("change"), st.integers(2, 5), values),
    st.tuples(st.just("move"), st.integers(2, 5), st.integers(-4000, 4000)),
    st.tuples(st.just("delete"), st.integers(2, 5)),
    st.tuples(st.just("refresh")),
    st.tuples(st.just("part")),
)


async def take(database: Database, step: Step) -> None:
    match step:
        case ("insert", written):
            async with database.connection() as connection:
                await connection.copy_records_to_table(
                    "kpi_raw_data",
                    records=[(BASE + timedelta(seconds=s), code, v) for s, code, v in written],
                )
        case ("change", every, value):
            await execute(
                database,
                "UPDATE kpi_raw_data SET value = $2 WHERE hashfloat8(value) % $1::int = 0",
                every,
                value,
            )
        case ("move", every, by):
            await execute(
                database,
                'UPDATE kpi_raw_data SET "timestamp" = "timestamp" + make_interval(secs => $2) '
                "WHERE hashfloat8(value) % $1::int = 0",
                every,
                float(by),
            )
        case ("delete", every):
            await execute(
                database,
                "DELETE FROM kpi_raw_data WHERE hashfloat8(value) % $1::int = 0",
                every,
            )
        case ("refresh",):
            await Rollups(database).refresh()
        case ("part",):
            await fetch(database, "SELECT kpi_refresh_minutes(0, 1)")


@given(taken=st.lists(steps, min_size=1, max_size=10))
@settings(
    max_examples=sized(60, soak=2_000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_views_are_exact_whatever_is_done(database: Database, taken: list[Step]) -> None:
    await execute(database, "TRUNCATE kpi_raw_data")
    assert await untrue(database) == []
    for step in taken:
        await take(database, step)
    assert await untrue(database) == []
    await Rollups(database).refresh()
    assert await fetch(database, "TABLE kpi_dirty") == []
    assert await untrue(database) == []


# With 23 and 25 hours, half an hour off, without a midnight, with two, and of 24½ hours.
@pytest.mark.parametrize(
    ("zone", "night", "hours"),
    [
        ("Europe/Berlin", "2024-03-31T00:00+01:00", 23),
        ("Europe/Berlin", "2024-10-27T00:00+02:00", 25),
        ("Asia/Kolkata", "2024-06-30T00:00+05:30", 24),
        ("Africa/Cairo", "2024-04-26T01:00+03:00", 23),
        ("America/Santiago", "2024-04-06T00:00-03:00", 25),
        ("America/Havana", "2024-11-03T00:00-04:00", 25),
        ("Atlantic/Azores", "2024-10-27T00:00+00:00", 25),
        ("Australia/Lord_Howe", "2024-04-07T00:00+11:00", 24.5),
    ],
)
async def test_days_begin_at_midnight(
    zone: str, night: str, hours: float, database: Database, settings: Settings
) -> None:
    await schema.init(database, settings.model_copy(update={"timezone": zone}))
    midnight = datetime.fromisoformat(night)
    written = [
        (midnight + timedelta(minutes=10 * step), "alpha", step + 0.5) for step in range(-180, 360)
    ]
    async with database.connection() as connection:
        await connection.copy_records_to_table("kpi_raw_data", records=written)
    assert await untrue(database, zone) == []
    await Rollups(database).refresh()
    assert await untrue(database, zone) == []
    [day] = await fetch(
        database, "SELECT data_points FROM kpi_values_day WHERE bucket = $1", midnight
    )
    assert day[0] == hours * 6


async def test_another_zone_makes_the_days_anew(database: Database, settings: Settings) -> None:
    await take(database, ("insert", [(3600.0 * hour, "alpha", hour) for hour in range(60)]))
    await Rollups(database).refresh()
    for zone in ("Asia/Kolkata", "Pacific/Apia", "UTC"):
        await schema.init(database, settings.model_copy(update={"timezone": zone}))
        assert await untrue(database, zone) == []
        await Rollups(database).refresh()
        assert await fetch(database, "TABLE kpi_dirty_day") == []
        assert await untrue(database, zone) == []


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1.1e290", "1e-300", "-1e-300"])
async def test_values_without_an_exact_sum_are_refused(database: Database, value: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await execute(database, "INSERT INTO kpi_raw_data VALUES (now(), 'a', $1)", float(value))


async def test_the_smallest_values_have_an_average(database: Database) -> None:
    rows = [(0, "alpha", 1e-290), (1, "alpha", -1.0000000000000002e-290), *[(2, "alpha", 0)] * 1000]
    await take(database, ("insert", rows))
    assert await untrue(database) == []


async def test_an_average_does_not_remember_the_digits_of_rows_that_are_gone(
    database: Database,
) -> None:
    """Least and greatest value stay, and the sum has fewer decimals than before."""
    rows: list[tuple[float, str, float]] = []
    for number in range(200):
        values = [0, 2, 1.1234567890123456e-10] + [1.3] * (number + 1)
        rows += [(second, f"k{number}", value) for second, value in enumerate(values)]
    await take(database, ("insert", rows))
    await Rollups(database).refresh()
    await execute(database, "UPDATE kpi_raw_data SET value = 1.7 WHERE value BETWEEN 1e-99 AND 1")
    await Rollups(database).refresh()
    assert await untrue(database) == []


async def test_open_minutes_are_left_for_when_they_are_over(database: Database) -> None:
    await execute(
        database,
        "INSERT INTO kpi_raw_data SELECT now() + s * INTERVAL '30 seconds', 'a', s "
        "FROM generate_series(-10, 10) AS s",
    )
    await Rollups(database).refresh()
    [left] = await fetch(
        database, "SELECT min(bucket) >= kpi_minute(now()) - INTERVAL '1 minute' FROM kpi_dirty"
    )
    assert left[0]
    assert await untrue(database) == []


async def test_rows_from_before_the_rollups_count(empty_url: str) -> None:
    settings = Settings(database_url=SecretStr(empty_url))
    async with Database(settings) as database:
        await execute(
            database,
            'CREATE TABLE kpi_raw_data ("timestamp" timestamptz, kpi_code text, value float8)',
        )
        await take(database, ("insert", [(60.0 * m, "alpha", m / 7) for m in range(200)]))
        await schema.init(database, settings)
        assert await untrue(database) == []
        await Rollups(database).refresh()
        assert await untrue(database) == []


async def test_init_runs_again_and_at_once(empty_url: str) -> None:
    settings = Settings(database_url=SecretStr(empty_url), timezone="Asia/Kolkata")
    async with Database(settings) as database:
        for _ in range(2):
            async with asyncio.TaskGroup() as group:
                for _ in range(4):
                    group.create_task(schema.init(database, settings))
            await take(database, ("insert", [(60.0 * m, "alpha", m / 7) for m in range(200)]))
            await Rollups(database).refresh()
        assert await untrue(database, "Asia/Kolkata") == []


async def test_init_does_not_wait_for_writers(database: Database, settings: Settings) -> None:
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO kpi_raw_data VALUES (now(), 'a', 1)")
        async with asyncio.timeout(5):
            await schema.init(database, settings)


async def test_a_refresh_goes_in_steps_and_one_at_a_time(database: Database) -> None:
    await execute(
        database,
        "INSERT INTO kpi_raw_data SELECT $1::timestamptz + m * INTERVAL '1 minute', 'k' || k, m "
        "FROM generate_series(1, 3000) AS m, generate_series(1, 5) AS k",
        BASE,
    )
    [size] = await fetch(database, "SELECT pg_relation_size('kpi_dirty') / 8192")
    assert size[0] > 64
    [first] = await fetch(database, "SELECT kpi_refresh_minutes(0, 10)")
    assert 0 < first[0] < 3000
    assert await untrue(database) == []
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(5784203002)")
        [other] = await fetch(database, "SELECT kpi_refresh_minutes(0, 10)")
        assert other[0] is None
        await Rollups(database).refresh()
    [left] = await fetch(database, "SELECT count(*) FROM kpi_dirty")
    assert left[0] == 15_000 - first[0]
    await Rollups(database).refresh()
    assert await untrue(database) == []
    [size] = await fetch(database, "SELECT pg_relation_size('kpi_dirty') / 8192")
    assert size[0] == 0, "the log's space is given back"
