"""What `db check` says of TimescaleDB, and that following it mends, and never loses history."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import SecretStr

from app.data import schema
from app.data.check.check import check
from app.data.check.findings import Finding, Severity
from app.data.database import Database
from app.settings import Settings
from tests.backends import settle
from tests.world import execute, fetch

pytestmark = pytest.mark.parametrize("backend", ["timescale"], indirect=True)

RECENT = """
    INSERT INTO kpi_raw_data
    SELECT now() - g * INTERVAL '20 seconds', 'a', g FROM generate_series(0, 900) AS g
"""
OLD = """
    INSERT INTO kpi_raw_data
    SELECT date_trunc('hour', now()) - INTERVAL '9 days' + g * INTERVAL '1 minute', 'a', g
    FROM generate_series(0, 180) AS g
"""
POLICY = """
    SELECT remove_continuous_aggregate_policy('kpi_values_minute');
    SELECT add_continuous_aggregate_policy('kpi_values_minute',
        start_offset => INTERVAL '3 hours', end_offset => INTERVAL '1 minute',
        schedule_interval => INTERVAL '1 minute', initial_start => date_trunc('minute', now()));
"""
REFRESH_HOUR = """
    CALL refresh_continuous_aggregate('kpi_values_minute', now() - INTERVAL '1 hour',
        date_trunc('minute', now()))
"""


async def not_fine(database: Database, settings: Settings) -> list[Finding]:
    """Return all that is not fine, except for the release that these tests run on."""
    return [
        finding
        for finding in await check(database, settings)
        if finding.severity is not Severity.OK and not finding.sentence.startswith("TimescaleDB 2.")
    ]


async def mended(database: Database, settings: Settings) -> list[Finding]:
    """Follow all advice once, and return what is not fine then."""
    for finding in await not_fine(database, settings):
        if finding.sql == "kpi-stream db init":
            await schema.init(database, settings)
            continue
        for statement in (finding.sql or "").split(";\n"):
            await execute(database, statement)
    return await not_fine(database, settings)


async def points(database: Database) -> int:
    found: int = (await fetch(database, "SELECT sum(data_points) FROM kpi_values_minute"))[0][0]
    return found


@pytest.mark.parametrize("materialized_only", [False, True])
async def test_the_policy_it_advises_is_the_one_of_db_init(
    database: Database, settings: Settings, materialized_only: bool
) -> None:
    settings = settings.model_copy(update={"materialized_only": materialized_only})
    await schema.init(database, settings)
    jobs = "SELECT schedule_interval, config, extract(second FROM initial_start) AS second \
        FROM timescaledb_information.jobs WHERE proc_name LIKE 'policy_refresh%' ORDER BY config"
    wanted = [tuple(row) for row in await fetch(database, jobs)]
    for view in ("minute", "hour", "day"):
        await execute(database, f"SELECT remove_continuous_aggregate_policy('kpi_values_{view}')")
    assert await mended(database, settings) == []
    assert [tuple(row) for row in await fetch(database, jobs)] == wanted


async def test_a_late_row_waits_for_its_refresh(database: Database, settings: Settings) -> None:
    await execute(database, RECENT)
    await settle(database, settings)
    await execute(
        database, "INSERT INTO kpi_raw_data VALUES (now() - INTERVAL '40 minutes', 'a', 5000)"
    )
    assert await not_fine(database, settings) == []
    said = str(await check(database, settings))
    assert "wait for the next refresh, since rows came late" in said
    await settle(database, settings)
    assert "wait for the next refresh" not in str(await check(database, settings))


async def test_history_from_before_the_job_reaches(database: Database, settings: Settings) -> None:
    await execute(database, POLICY)
    await execute(database, OLD)
    await execute(database, RECENT)
    await execute(database, REFRESH_HOUR)
    found = [f for f in await not_fine(database, settings) if "never refreshed" in f.sentence]
    assert [f.sentence.split(" was ")[0] for f in found] == ["kpi_values_minute"]
    assert await mended(database, settings) == []
    await execute(database, REFRESH_HOUR.replace("1 hour", "3 hours"))
    assert await points(database) >= 181 + 900


async def test_nothing_it_advises_loses_history(database: Database, settings: Settings) -> None:
    """Raw rows are gone after four days; a row that came later must not take the others along."""
    await execute(database, OLD)
    await execute(database, RECENT)
    await settle(database, settings)
    before = await points(database)
    await execute(database, "SELECT drop_chunks('kpi_raw_data', INTERVAL '4 days')")
    await schema.init(database, settings)
    assert await points(database) == before
    await schema.init(database, settings.model_copy(update={"retention": timedelta(days=4)}))
    assert await points(database) == before
    for late in (
        "INTERVAL '9 days' + INTERVAL '90 minutes'",
        "INTERVAL '9 days' - INTERVAL '5 hours'",
    ):
        await execute(
            database,
            "INSERT INTO kpi_raw_data VALUES (date_trunc('hour', now()) - " + late + ", 'a', 7)",
        )
    await execute(database, REFRESH_HOUR)
    await mended(database, settings)
    assert await points(database) >= before
    assert (
        await fetch(database, "SELECT 1 FROM kpi_values_day WHERE data_points >= 181 LIMIT 1") != []
    )


async def test_a_dropped_chunk_is_no_fault(database: Database, settings: Settings) -> None:
    retention = settings.model_copy(update={"retention": timedelta(days=4)})
    await execute(
        database,
        "INSERT INTO kpi_raw_data SELECT now() - g * INTERVAL '10 minutes', 'a', g "
        "FROM generate_series(0, 1000) AS g",
    )
    await settle(database, settings)
    await schema.init(database, retention)
    await execute(database, "SELECT drop_chunks('kpi_raw_data', INTERVAL '4 days')")
    await execute(database, REFRESH_HOUR)
    assert await not_fine(database, retention) == []


async def test_a_job_that_never_ran(database: Database, settings: Settings) -> None:
    await execute(
        database,
        "SELECT remove_continuous_aggregate_policy('kpi_values_hour'); "
        "SELECT add_continuous_aggregate_policy('kpi_values_hour', start_offset => NULL, "
        "end_offset => INTERVAL '1 minute', schedule_interval => INTERVAL '1 minute')",
    )
    [found] = await not_fine(database, settings)
    assert "of kpi_values_hour has never run" in found.sentence


async def test_days_with_a_named_time_zone(database: Database, settings: Settings) -> None:
    berlin = settings.model_copy(update={"timezone": "Europe/Berlin"})
    await execute(database, "DROP MATERIALIZED VIEW kpi_values_day")
    await execute(
        database,
        "CREATE MATERIALIZED VIEW kpi_values_day WITH (timescaledb.continuous) AS SELECT "
        "time_bucket('1 day', bucket, timezone => 'Europe/Berlin') AS bucket, kpi_code, "
        "avg(avg_value) AS avg_value, sum(sum_value) AS sum_value FROM kpi_values_minute "
        "GROUP BY 1, 2 WITH NO DATA",
    )
    assert "days of" not in str(await not_fine(database, berlin))
    assert "begin in Europe/Berlin" in str(await not_fine(database, settings))


ADAPTED = """
    CREATE TABLE metrics (at timestamptz NOT NULL, device text, value real);
    SELECT create_hypertable('metrics', 'at');
    INSERT INTO metrics SELECT now() - g * INTERVAL '20 seconds', 'a', g / 7.0
    FROM generate_series(0, 900) AS g;
"""
AGGREGATE = """
    CREATE MATERIALIZED VIEW metrics_{period} WITH (timescaledb.continuous,
        timescaledb.materialized_only = true) AS
    SELECT time_bucket('1 {period}', at) AS at, device, avg(value) AS avg, count(*) AS n
    FROM metrics GROUP BY 1, 2 WITH NO DATA
"""
PLAIN = """
    CREATE VIEW kpi_values_{period} AS SELECT at AS bucket, device AS kpi_code, avg AS avg_value,
        n AS data_points FROM metrics_{period}
"""


async def test_plain_views_over_aggregates_of_other_names(empty_url: str) -> None:
    settings = Settings(database_url=SecretStr(empty_url))
    async with Database(settings) as database:
        await execute(database, ADAPTED)
        for period in ("minute", "hour", "day"):
            await execute(database, AGGREGATE.format(period=period))
            await execute(database, PLAIN.format(period=period))
        found = await not_fine(database, settings)
        assert {f.sentence.split(" and ")[0] for f in found if "materialised" in f.sentence} == {
            f"metrics_{period} is materialised only" for period in ("minute", "hour", "day")
        }
        rest = await mended(database, settings)
        assert [f for f in rest if f.severity is Severity.ERROR] == []
        assert "shows what metrics_minute has" in str(await check(database, settings))


async def test_averages_of_reals_agree(database: Database, settings: Settings) -> None:
    await execute(
        database,
        "DROP MATERIALIZED VIEW kpi_values_day; DROP MATERIALIZED VIEW kpi_values_hour;"
        "DROP MATERIALIZED VIEW kpi_values_minute; DROP TABLE kpi_raw_data; "
        "CREATE TABLE kpi_raw_data (timestamp timestamptz NOT NULL, kpi_code text NOT NULL, "
        "value real NOT NULL CHECK (value < 1e30)); "
        "CREATE INDEX ON kpi_raw_data (kpi_code, timestamp DESC)",
    )
    await execute(database, "SELECT create_hypertable('kpi_raw_data', 'timestamp')")
    source, time = "kpi_raw_data", "timestamp"
    for period in ("minute", "hour", "day"):
        await execute(
            database,
            f"CREATE VIEW kpi_values_{period} AS SELECT date_trunc('{period}', {time}, 'UTC') AS "
            f"bucket, kpi_code, avg(value) AS avg_value, count(*) AS data_points "
            f"FROM {source} GROUP BY 1, 2",
        )
    await execute(
        database,
        "INSERT INTO kpi_raw_data SELECT now() - g * INTERVAL '7 seconds', 'a', g / 7.0 "
        "FROM generate_series(0, 900) AS g",
    )
    findings = await check(database, settings)
    assert "says" not in str(findings)
    assert "the numbers agree" in str(findings)
