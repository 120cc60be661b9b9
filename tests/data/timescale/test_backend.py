"""TimescaleDB's own: what init makes of a database, and what a refresh brings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from app.data import schema
from app.data.database import Database, load_queries
from app.data.timescale.catalog import VIEWS
from app.data.timescale.zone import midnight_twice
from app.errors import ConfigurationError
from app.grid import Grid
from app.models import Period
from tests.data.timescale.world import (
    execute_rows,
    init,
    make,
    points,
    policies,
    refresh,
    views,
)
from tests.timescale.server import TimescaleServer
from tests.world import execute, fetch


@pytest.fixture
async def url(timescale: TimescaleServer) -> AsyncIterator[str]:
    async with timescale.fresh_database() as url:
        yield url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    await init(url)
    async with Database(make(url)) as database:
        yield database


async def test_init_makes_what_the_contract_says_and_again_the_same(url: str) -> None:
    await init(url)
    async with Database(make(url)) as database:
        first = await views(database)
        columns = await fetch(
            database,
            """
            SELECT attrelid::regclass::text AS view, string_agg(
                attname || ' ' || format_type(atttypid, NULL), ', ' ORDER BY attnum) AS columns
            FROM pg_attribute
            WHERE attrelid IN ('kpi_values_minute'::regclass, 'kpi_values_hour'::regclass,
                'kpi_values_day'::regclass) AND attnum > 0
            GROUP BY attrelid
            """,
        )
        jobs = await policies(database)
        await init(url)
        assert await views(database) == first
        assert await policies(database) == jobs
    assert set(first) == set(VIEWS.values())
    assert not any(view.materialized_only for view in first.values())
    assert {row["columns"] for row in columns} == {
        "bucket timestamp with time zone, kpi_code text, avg_value double precision, "
        "data_points bigint, min_value double precision, max_value double precision, "
        "sum_value numeric, last_value double precision"
    }
    assert {row["view"] for row in columns} == set(first)


async def test_aggregates_of_somebody_elses_are_left_as_they_are(url: str) -> None:
    settings = make(url)
    async with Database(settings) as database:
        for statement in FOREIGN.split(";"):
            await execute(database, statement)
        before = await views(database)
        await schema.init(database, settings)
        assert await views(database) == before
        assert await policies(database) == {}
        with pytest.raises(ConfigurationError, match="Europe/Berlin"):
            await schema.init(database, make(url, timezone="Europe/Berlin"))


FOREIGN = """
    CREATE TABLE kpi_raw_data ("timestamp" timestamptz NOT NULL, kpi_code text, value float8);
    SELECT create_hypertable('kpi_raw_data', by_range('timestamp'));
    CREATE MATERIALIZED VIEW kpi_values_minute WITH (timescaledb.continuous) AS
    SELECT time_bucket('1 minute', "timestamp") AS bucket, kpi_code, avg(value) AS avg_value,
        count(*) AS data_points FROM kpi_raw_data GROUP BY 1, 2 WITH NO DATA;
    CREATE MATERIALIZED VIEW kpi_values_hour WITH (timescaledb.continuous) AS
    SELECT time_bucket('1 hour', "timestamp") AS bucket, kpi_code, avg(value) AS avg_value
        FROM kpi_raw_data GROUP BY 1, 2 WITH NO DATA;
    CREATE MATERIALIZED VIEW kpi_values_day WITH (timescaledb.continuous) AS
    SELECT time_bucket('1 day', "timestamp") AS bucket, kpi_code, avg(value) AS avg_value
        FROM kpi_raw_data GROUP BY 1, 2 WITH NO DATA
"""


@pytest.mark.parametrize("zone", ["America/Havana", "Atlantic/Azores"])
async def test_a_zone_whose_days_timescaledb_gets_wrong_is_refused(url: str, zone: str) -> None:
    with pytest.raises(ConfigurationError, match="midnight comes twice"):
        await init(url, timezone=zone)


@pytest.mark.parametrize(
    "zone",
    [
        "UTC",
        "Europe/Berlin",
        "Asia/Kolkata",
        "Africa/Cairo",
        "America/Santiago",
        "Asia/Beirut",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
    ],
)
async def test_days_begin_where_the_grid_has_them(url: str, zone: str) -> None:
    """Also where midnight does not exist, and where clocks move by half an hour."""
    assert midnight_twice(ZoneInfo(zone)) is None
    grid = Grid(Period.DAY, ZoneInfo(zone))
    connection = await asyncpg.connect(url)
    try:
        for bucket, at in await connection.fetch(
            """
            SELECT extract(epoch FROM time_bucket(INTERVAL '1 day', at, $1))::bigint,
                extract(epoch FROM at)::bigint
            FROM generate_series(timestamptz '2024-01-01Z', '2027-01-01Z', '30 minutes') AS at
            """,
            zone,
        ):
            assert bucket == grid.start(grid.index(at))
    finally:
        await connection.close()


async def test_another_time_zone_builds_the_days_anew(url: str) -> None:
    await init(url, timezone="Europe/Berlin")
    async with Database(make(url)) as database:
        await execute_rows(database, "2025-03-01T00:00Z", "2025-03-05T00:00Z", "1 hour")
        await init(url, timezone="Asia/Kolkata")
        assert (await views(database))["kpi_values_day"].zone == "Asia/Kolkata"
        wrong = await fetch(
            database,
            """
            SELECT * FROM kpi_values_day AS d
            FULL JOIN (
                SELECT date_trunc('day', "timestamp", 'Asia/Kolkata') AS bucket, count(*) AS points
                FROM kpi_raw_data GROUP BY 1
            ) AS r USING (bucket)
            WHERE d.data_points IS DISTINCT FROM r.points
            """,
        )
        assert wrong == []
        with pytest.raises(ConfigurationError, match="Asia/Kolkata"):
            await schema.check_zone(database, make(url, timezone="Europe/Berlin"))
        await init(url, timezone="UTC")
        assert (await views(database))["kpi_values_day"].zone == "UTC"


async def test_rows_that_were_there_before_are_materialised_by_init(url: str) -> None:
    settings = make(url)
    async with Database(settings) as database:
        shared = load_queries("schema")
        async with database.connection() as connection:
            await shared.create_raw_table(connection)
        await execute_rows(database, "2025-03-01T00:00Z", "2025-03-02T00:00Z", "10 minutes")
        await schema.init(database, settings)
        rows = await fetch(database, "SELECT sum(data_points) AS points FROM kpi_values_minute")
        raw = await fetch(database, "SELECT count(*) AS points FROM kpi_raw_data")
        assert rows[0]["points"] == raw[0]["points"] == 435
        day = VIEWS[Period.DAY]
        stored = await fetch(
            database,
            "SELECT _timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark("
            "mat_hypertable_id)) AS until FROM _timescaledb_catalog.continuous_agg "
            f"WHERE user_view_name = '{day}'",
        )
        assert stored[0]["until"].isoformat() == "2025-03-03T00:00:00+00:00"


async def test_late_rows_show_after_a_refresh_and_new_ones_at_once(
    url: str, database: Database
) -> None:
    await execute_rows(database, "2025-03-01T00:00Z", "2025-03-01T00:09Z", "1 minute")
    assert await points(database) == {"minute": 30, "hour": 30, "day": 30}
    await refresh(database, make(url))
    await execute(database, "INSERT INTO kpi_raw_data VALUES ('2025-03-01T00:05:30Z', 'a', 9)")
    await execute(database, "INSERT INTO kpi_raw_data VALUES (now(), 'a', 9)")
    assert await points(database) == {"minute": 31, "hour": 31, "day": 31}
    await refresh(database, make(url))
    assert await points(database) == {"minute": 32, "hour": 32, "day": 32}
    await execute(database, """DELETE FROM kpi_raw_data WHERE "timestamp" < '2025-03-01T00:05Z'""")
    await refresh(database, make(url))
    assert await points(database) == {"minute": 17, "hour": 17, "day": 17}


async def test_a_refresh_leaves_the_open_buckets_to_the_raw_rows(
    url: str, database: Database
) -> None:
    for points_so_far in (1, 2):
        await execute(database, "INSERT INTO kpi_raw_data VALUES (now(), 'a', 1)")
        assert await points(database) == dict.fromkeys(["minute", "hour", "day"], points_so_far)
        await refresh(database, make(url))


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata"])
async def test_a_load_that_ends_at_midnight_reaches_its_last_day(url: str, zone: str) -> None:
    """What timescaledb#10296 is about: hourly rows, the last of them the first of a day."""
    settings = make(url, timezone=zone)
    await init(url, timezone=zone)
    async with Database(settings) as database:
        load = """
            INSERT INTO kpi_raw_data
            SELECT ($1::date + make_interval(hours => h)) AT TIME ZONE $2, $3, 1
            FROM generate_series(0, 72) AS h
        """
        day = (await fetch(database, "SELECT date '2025-03-28' AS day"))[0]["day"]
        for code in ("a", "b"):
            await execute(database, load, day, zone, code)
            await refresh(database, settings, span=(1743100000, 1743400000))
        days = await fetch(
            database, "SELECT kpi_code, data_points FROM kpi_values_day ORDER BY 1, bucket"
        )
        counted = await fetch(
            database,
            """
            SELECT kpi_code, count(*) AS data_points FROM kpi_raw_data
            GROUP BY kpi_code, date_trunc('day', "timestamp", $1)
            ORDER BY 1, date_trunc('day', "timestamp", $1)
            """,
            zone,
        )
        assert [tuple(row) for row in days] == [tuple(row) for row in counted]
        assert len(days) == 8
