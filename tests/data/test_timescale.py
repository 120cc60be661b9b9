"""TimescaleDB's own: what init makes of a database, its jobs, and what a refresh brings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from pydantic import SecretStr

from app.data import schema, timescale
from app.data.database import Database, load_queries
from app.data.repository import Repository
from app.data.timescale_catalog import VIEWS, Aggregate, aggregates
from app.data.timescale_zone import midnight_twice
from app.errors import ConfigurationError
from app.grid import Grid
from app.models import Period
from app.settings import Settings
from tests.timescale.server import TimescaleServer
from tests.world import execute, fetch

QUERIES = load_queries("timescale")

RAW = """
    INSERT INTO kpi_raw_data
    SELECT at + part * INTERVAL '20 seconds', 'a', part + 0.1
    FROM generate_series($1::timestamptz, $2::timestamptz, $3::interval) AS at,
        generate_series(0, 2) AS part
"""


@pytest.fixture
async def url(timescale: TimescaleServer) -> AsyncIterator[str]:
    async with timescale.fresh_database() as url:
        yield url


def make(url: str, **changes: Any) -> Settings:
    return Settings(database_url=SecretStr(url), **changes)


async def init(url: str, **changes: Any) -> None:
    settings = make(url, **changes)
    async with Database(settings) as database:
        await schema.init(database, settings)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    await init(url)
    async with Database(make(url)) as database:
        yield database


async def views(database: Database) -> dict[str, Aggregate]:
    async with database.connection() as connection:
        return await aggregates(connection)


async def policies(database: Database) -> dict[str, dict[str, Any]]:
    rows = await fetch(database, QUERIES.refresh_policies.sql)
    return {row["view_name"]: dict(row) for row in rows}


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
        "sum_value numeric"
    }
    assert {row["view"] for row in columns} == set(first)


async def test_the_refresh_jobs_keep_to_the_minute_and_reach_as_far_as_rows_are_kept(
    url: str,
) -> None:
    await init(url, grace_seconds=2)
    async with Database(make(url)) as database:
        for policy in (await policies(database)).values():
            assert policy["scheduled"] is True
            assert policy["schedule_interval"] == timedelta(minutes=1)
            assert policy["start_offset"] is None
            assert policy["end_offset"] == timedelta(seconds=62)
        assert {name: policy["second"] for name, policy in (await policies(database)).items()} == {
            "kpi_values_minute": 0.0,
            "kpi_values_hour": 5.0,
            "kpi_values_day": 10.0,
        }
        await init(url, retention="30d")
        minute = (await policies(database))["kpi_values_minute"]
        assert minute["start_offset"] == timedelta(days=30)
        # A retention policy that is there counts, though the settings do not name it any more.
        await init(url)
        assert (await policies(database))["kpi_values_minute"]["start_offset"] == timedelta(30)


async def test_materialised_only_is_refreshed_right_after_the_grace(url: str) -> None:
    await init(url)
    await init(url, materialized_only=True, grace_seconds=2)
    async with Database(make(url)) as database:
        assert all(view.materialized_only for view in (await views(database)).values())
        seconds = set()
        for policy in (await policies(database)).values():
            assert policy["end_offset"] == timedelta(seconds=2)
            seconds.add(policy["second"])
        assert seconds == {2.0, 7.0, 12.0}
        await init(url)
        assert not any(view.materialized_only for view in (await views(database)).values())


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


@pytest.mark.parametrize(
    "changes",
    [
        {"retention": "2h", "correction_window": "2h"},
        {"retention": "26h", "correction_window": "2h"},
        {"compress_after": "2h", "correction_window": "2h"},
    ],
)
async def test_settings_that_would_lose_numbers_are_refused(
    url: str, changes: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match="KPI_CORRECTION_WINDOW"):
        await init(url, **changes)


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


async def execute_rows(database: Database, first: str, last: str, step: str) -> None:
    await execute(
        database,
        RAW.replace("$1", f"'{first}'").replace("$2", f"'{last}'").replace("$3", f"'{step}'"),
    )


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


async def points(database: Database) -> dict[str, int]:
    rows = await fetch(
        database,
        """
        SELECT 'minute' AS view, sum(data_points) AS points FROM kpi_values_minute
        UNION ALL SELECT 'hour', sum(data_points) FROM kpi_values_hour
        UNION ALL SELECT 'day', sum(data_points) FROM kpi_values_day
        """,
    )
    return {row["view"]: int(row["points"] or 0) for row in rows}


async def refresh(database: Database, settings: Settings, **span: Any) -> None:
    async with database.connection() as connection:
        await timescale.refresh(connection, settings, **span)


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


async def test_the_jobs_do_what_a_refresh_does(url: str, database: Database) -> None:
    """A real server runs them each minute; the WASM build when told to."""
    await execute_rows(database, "2025-03-01T00:00Z", "2025-03-01T00:09Z", "1 minute")
    await refresh(database, make(url))
    await execute_rows(database, "2025-02-01T00:00Z", "2025-02-01T00:09Z", "1 minute")
    assert await points(database) == {"minute": 30, "hour": 30, "day": 30}
    jobs = await policies(database)
    for view in VIEWS.values():
        await execute(database, f"CALL run_job({jobs[view]['job_id']})")
    assert await points(database) == {"minute": 60, "hour": 60, "day": 60}


async def test_numbers_stay_when_their_raw_rows_are_dropped(url: str) -> None:
    settings = make(url, retention="10d")
    await init(url, retention="10d")
    async with Database(settings) as database:
        old = "INSERT INTO kpi_raw_data SELECT now() - $1::interval, 'a', 1"
        await execute(database, old, timedelta(days=9))
        await refresh(database, settings)
        # Loaded before the policy first runs, then dropped, then one late row of that time.
        await execute(database, "SELECT remove_retention_policy('kpi_raw_data')")
        for _ in range(2):
            await execute(database, old, timedelta(days=40))
        await refresh(database, settings)
        assert await points(database) == {"minute": 3, "hour": 3, "day": 3}
        await init(url, retention="10d")
        retention = (await fetch(database, QUERIES.retention_policy.sql))[0]["job_id"]
        await execute(database, f"CALL run_job({retention})")
        assert len(await fetch(database, "SELECT FROM kpi_raw_data")) == 1
        await execute(database, old, timedelta(days=40, seconds=-1))
        now = int((await fetch(database, "SELECT extract(epoch FROM now()) AS now"))[0]["now"])
        await refresh(database, settings, span=(now - 41 * 86400, now))
        for policy in (await policies(database)).values():
            await execute(database, f"CALL run_job({policy['job_id']})")
        assert await points(database) == {"minute": 3, "hour": 3, "day": 3}


async def test_rows_may_change_after_they_are_compressed(url: str) -> None:
    settings = make(url, compress_after="1d")
    await init(url, compress_after="1d")
    async with Database(settings) as database:
        await execute_rows(database, "2025-03-01T00:00Z", "2025-03-01T05:00Z", "1 minute")
        await refresh(database, settings)
        before = await fetch(database, "TABLE kpi_values_hour ORDER BY bucket")
        job = (await fetch(database, QUERIES.compression_policy.sql))[0]["job_id"]
        await execute(database, f"CALL run_job({job})")
        chunks = await fetch(
            database,
            "SELECT is_compressed FROM timescaledb_information.chunks "
            "WHERE hypertable_name = 'kpi_raw_data'",
        )
        assert [chunk["is_compressed"] for chunk in chunks] == [True]
        await execute(
            database,
            """
            INSERT INTO kpi_raw_data VALUES ('2025-03-01T01:00:30Z', 'a', 9);
            UPDATE kpi_raw_data SET value = -5 WHERE "timestamp" = '2025-03-01T02:00:00Z';
            DELETE FROM kpi_raw_data WHERE "timestamp" = '2025-03-01T03:00:00Z'
            """,
        )
        await refresh(database, settings)
        after = await fetch(database, "TABLE kpi_values_hour ORDER BY bucket")
        assert [row["data_points"] for row in before] == [180] * 5 + [3]
        assert [row["data_points"] for row in after] == [180, 181, 180, 179, 180, 3]
        assert after[2]["min_value"] == -5


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


async def test_materialised_only_counts_no_bucket_as_complete_before_its_refresh(
    url: str,
) -> None:
    """Or listeners would be told of gaps that a second later turn out to be none."""
    await init(url, materialized_only=True, grace_seconds=0)
    settings = make(url, grace_seconds=0)
    async with Database(settings) as database:
        repository = Repository(database, settings)
        await execute(
            database,
            "INSERT INTO kpi_raw_data SELECT date_trunc('minute', now()) - g * INTERVAL '1 minute',"
            " 'a', g FROM generate_series(1, 3) AS g",
        )
        reading = await repository.window(Period.MINUTE, ["a"], 3)
        assert reading.rows == []
        assert reading.complete_until < reading.now - 60
        await refresh(database, settings)
        reading = await repository.window(Period.MINUTE, ["a"], 3)
        assert [bucket.value for _, bucket in reading.rows] == [3.0, 2.0, 1.0]
        assert reading.complete_until == reading.rows[-1][1].start + 60


async def test_the_health_of_the_jobs(url: str, database: Database) -> None:
    async def health() -> str | None:
        async with database.connection() as connection:
            return await timescale.refresh_health(connection)

    assert await health() is None
    job = (await policies(database))["kpi_values_hour"]["job_id"]
    await execute(database, f"SELECT alter_job({job}, scheduled => false)")
    assert await health() == "the refresh job of kpi_values_hour is paused"
    await execute(database, f"SELECT alter_job({job}, scheduled => true)")
    await execute(
        database,
        "UPDATE _timescaledb_internal.bgw_job_stat SET total_runs = 3, last_start = now(), "
        f"last_run_success = false, last_finish = now() WHERE job_id = {job}",
    )
    assert await health() == "the last refresh of kpi_values_hour failed"
    await execute(
        database,
        "UPDATE _timescaledb_internal.bgw_job_stat SET last_run_success = true, "
        f"last_start = now() - INTERVAL '1 hour' WHERE job_id = {job}",
    )
    assert await health() == "kpi_values_hour is not being refreshed"
