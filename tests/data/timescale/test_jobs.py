"""TimescaleDB's jobs: refresh, retention, compression, and their health."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.data.database import Database
from app.data.repository import Repository
from app.data.timescale import backend as timescale
from app.data.timescale.catalog import VIEWS
from app.errors import ConfigurationError
from app.models import Period
from tests.data.timescale.world import (
    QUERIES,
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


@pytest.mark.parametrize(
    "changes",
    [
        {"retention": "1d", "correction_window": "2h"},
        {"retention": "26h", "correction_window": "2h"},
        {"compress_after": "2h", "correction_window": "2h"},
    ],
)
async def test_settings_that_would_lose_numbers_are_refused(
    url: str, changes: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match="KPI_CORRECTION_WINDOW"):
        await init(url, **changes)


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
            return (await timescale.refresh_health(connection)).trouble

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
