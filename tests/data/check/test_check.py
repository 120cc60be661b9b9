"""What `db check` says of databases that are right, and of each way to be wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from app.data.check.check import Finding, Severity, check
from app.data.check.timescale_bugs import BUGS, Use, known_bugs
from app.data.database import Database
from app.data.rollups import Rollups
from app.data.timescale.catalog import Release
from app.settings import Settings
from tests.backends import both_backends, settle
from tests.world import execute, fetch

RECENT = """
    INSERT INTO kpi_raw_data
    SELECT now() - g * INTERVAL '20 seconds', code, g FROM generate_series(0, 900) AS g,
        unnest(ARRAY['a', 'b']) AS code
"""


def bad(findings: list[Finding]) -> list[str]:
    return [f.sentence for f in findings if f.severity is Severity.ERROR]


def unsafe(findings: list[Finding]) -> list[str]:
    """All that is not fine, except for the release that these tests run on."""
    return [
        f.sentence
        for f in findings
        if f.severity is not Severity.OK and not f.sentence.startswith("TimescaleDB 2.")
    ]


def only(findings: list[Finding], words: str) -> Finding:
    [found] = [f for f in findings if words in f.sentence]
    return found


@pytest.mark.slow
@both_backends
async def test_what_init_makes_is_fine(database: Database, settings: Settings) -> None:
    assert unsafe(await check(database, settings)) == []
    await execute(database, RECENT)
    await settle(database, settings)
    findings = await check(database, settings)
    assert unsafe(findings) == []
    assert only(findings, "the numbers agree").severity is Severity.OK
    assert only(findings, "clocks").sentence.startswith(
        "the clocks of the database and of this machine agree"
    )


@both_backends
async def test_an_empty_database_lacks_the_views(empty_url: str) -> None:
    settings = Settings(database_url=SecretStr(empty_url))
    async with Database(settings) as database:
        findings = await check(database, settings)
    assert bad(findings) == [
        f"the view kpi_values_{period} is missing" for period in ("minute", "hour", "day")
    ]
    assert findings[0].sql == "kpi-stream db init"


ORIGINAL = """
    CREATE VIEW kpi_values_minute AS SELECT date_trunc('minute', now(), 'UTC') AS bucket,
        'a'::text AS kpi_code, 1.5::float8 AS avg_value, 3::bigint AS data_points;
    CREATE VIEW kpi_values_hour AS SELECT date_trunc('hour', now(), 'UTC') AS bucket,
        'a'::varchar(64) AS kpi_code, 1.5::numeric AS avg_value;
    CREATE VIEW kpi_values_day AS SELECT date_trunc('day', now(), 'UTC') AS bucket,
        'a'::text AS kpi_code, 1.5::real AS avg_value;
"""


@both_backends
async def test_the_three_views_of_the_original_design_are_served_as_they_are(
    empty_url: str,
) -> None:
    settings = Settings(database_url=SecretStr(empty_url))
    async with Database(settings) as database:
        await execute(database, ORIGINAL)
        findings = await check(database, settings)
        assert unsafe(findings) == []
        note = only(findings, "kpi_values_hour has no data_points: it is served without")
        assert note.severity is Severity.OK


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            "CREATE OR REPLACE VIEW kpi_values_hour AS SELECT now() AS bucket",
            "kpi_values_hour has no column kpi_code",
        ),
        (
            "CREATE VIEW kpi_values_hour AS SELECT date_trunc('hour', bucket, 'UTC') AS bucket, "
            "kpi_code, avg(avg_value) AS avg_value FROM kpi_values_minute GROUP BY 1, 2",
            "kpi_values_hour is an average of averages",
        ),
        (
            "CREATE VIEW kpi_values_hour AS SELECT date_trunc('hour', now(), 'UTC') "
            "+ INTERVAL '30 minutes' AS bucket, 'a'::text AS kpi_code, 1.0::float8 AS avg_value",
            "where no hour begins in UTC",
        ),
        (
            "CREATE VIEW kpi_values_hour AS SELECT date_trunc('hour', now(), 'UTC') AS bucket, "
            "'a'::text AS kpi_code, 1.0::float8 AS avg_value FROM generate_series(1, 2)",
            "of a twice",
        ),
    ],
)
async def test_views_of_another_shape(empty_url: str, change: str, sentence: str) -> None:
    settings = Settings(database_url=SecretStr(empty_url))
    async with Database(settings) as database:
        await execute(database, ORIGINAL)
        await execute(database, "DROP VIEW kpi_values_hour")
        await execute(database, change)
        assert only(await check(database, settings), sentence).severity is Severity.ERROR


@both_backends
async def test_numbers_that_do_not_agree_with_their_rows(
    backend: str, database: Database, settings: Settings
) -> None:
    await execute(database, RECENT)
    await settle(database, settings)
    if backend == "postgres":
        await Rollups(database).refresh()
        await execute(database, "UPDATE kpi_rollup_minute SET avg_value = avg_value + 1")
    else:
        [row] = await fetch(
            database,
            """
            SELECT format('%I.%I', materialization_hypertable_schema,
                materialization_hypertable_name) AS name
            FROM timescaledb_information.continuous_aggregates
            WHERE view_name = 'kpi_values_minute'
            """,
        )
        await execute(database, f"UPDATE {row['name']} SET avg_value = avg_value + 1")
    found = only(await check(database, settings), "kpi_values_minute says")
    assert found.severity is Severity.ERROR
    assert "its raw rows say" in found.sentence


@both_backends
async def test_days_of_another_zone(database: Database, settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"timezone": "Asia/Kolkata"})
    found = only(await check(database, elsewhere), "KPI_TIMEZONE says Asia/Kolkata")
    assert found.severity is Severity.ERROR


@pytest.mark.parametrize("backend", ["timescale"], indirect=True)
async def test_a_zone_in_which_midnight_comes_twice(database: Database, settings: Settings) -> None:
    havana = settings.model_copy(update={"timezone": "America/Havana"})
    assert only(await check(database, havana), "comes twice").severity is Severity.ERROR


async def test_what_plain_postgresql_may_lack(database: Database, settings: Settings) -> None:
    async def sentence(change: str, words: str) -> Severity:
        await execute(database, change)
        return only(await check(database, settings), words).severity

    assert (
        await sentence("ALTER TABLE kpi_raw_data DISABLE TRIGGER USER", "a trigger that notes")
        is Severity.ERROR
    )
    assert (
        await sentence(
            "ALTER TABLE kpi_raw_data DROP CONSTRAINT kpi_raw_data_value_check", "takes NaN"
        )
        is Severity.WARNING
    )
    assert (
        await sentence("DROP INDEX kpi_raw_data_kpi_code_timestamp", "no index that begins")
        is Severity.WARNING
    )
    mended = only(await check(database, settings), "takes NaN").sql
    assert mended is not None
    await execute(database, mended)
    assert "takes NaN" not in str(unsafe(await check(database, settings)))


POLICY = """
    SELECT remove_continuous_aggregate_policy('kpi_values_hour');
    SELECT add_continuous_aggregate_policy('kpi_values_hour',
        start_offset => {}, end_offset => {}, schedule_interval => INTERVAL '1 minute')
"""


@pytest.mark.parametrize("backend", ["timescale"], indirect=True)
@pytest.mark.parametrize(
    ("change", "words", "severity"),
    [
        (
            "SELECT remove_continuous_aggregate_policy('kpi_values_hour'); ALTER MATERIALIZED VIEW "
            "kpi_values_hour SET (timescaledb.materialized_only = true)",
            "materialised only and no job refreshes it",
            Severity.ERROR,
        ),
        (
            "SELECT remove_continuous_aggregate_policy('kpi_values_hour')",
            "no job refreshes kpi_values_hour",
            Severity.WARNING,
        ),
        (POLICY.format("NULL", "NULL"), "has end_offset NULL", Severity.ERROR),
        (
            POLICY.format("INTERVAL '3 hours'", "INTERVAL '-2 hours'"),
            "reaches into the future",
            Severity.ERROR,
        ),
        (
            "SELECT add_retention_policy('kpi_values_minute', drop_after => INTERVAL '7 days')",
            "it deletes history",
            Severity.ERROR,
        ),
        (
            "SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs "
            "WHERE hypertable_name = 'kpi_values_hour'",
            "is paused",
            Severity.ERROR,
        ),
        (
            "UPDATE _timescaledb_internal.bgw_job_stat SET total_runs = 1, last_start = now(), "
            "last_run_success = false, last_finish = now() WHERE job_id = (SELECT job_id FROM "
            "timescaledb_information.jobs WHERE hypertable_name = 'kpi_values_hour')",
            "failed",
            Severity.ERROR,
        ),
    ],
)
async def test_jobs_that_lose_numbers(
    database: Database, settings: Settings, change: str, words: str, severity: Severity
) -> None:
    await execute(database, change)
    findings = await check(database, settings)
    found = [f for f in findings if words in f.sentence]
    assert {f.severity for f in found} == {severity}
    assert all(f.sql for f in found)


@pytest.mark.parametrize("backend", ["timescale"], indirect=True)
async def test_what_it_advises_mends(database: Database, settings: Settings) -> None:
    for change in (
        POLICY.format("INTERVAL '90 minutes'", "NULL"),
        "SELECT add_retention_policy('kpi_raw_data', drop_after => INTERVAL '7 days')",
        "SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs "
        "WHERE hypertable_name = 'kpi_values_day'",
    ):
        await execute(database, change)
    before = bad(await check(database, settings))
    assert len(before) == 4, before
    for _ in before:
        [first, *_] = await check(database, settings)
        if first.severity is Severity.ERROR and first.sql:
            await execute(database, first.sql)
    assert bad(await check(database, settings)) == []


@pytest.mark.parametrize("backend", ["timescale"], indirect=True)
async def test_rows_that_no_refresh_will_reach(database: Database, settings: Settings) -> None:
    await settle(database, settings)
    await execute(
        database,
        POLICY.replace("hour", "minute").format("'3 hours'::interval", "'1 minute'::interval"),
    )
    await execute(database, RECENT)
    await settle(database, settings)
    await execute(
        database,
        "INSERT INTO kpi_raw_data VALUES (now() - INTERVAL '9 days', 'a', 1)",
    )
    # Its change is known once any refresh has looked at the log.
    await execute(
        database,
        "CALL refresh_continuous_aggregate('kpi_values_minute', now() - INTERVAL '1 hour', "
        "date_trunc('minute', now()))",
    )
    found = only(await check(database, settings), "was never refreshed over rows of")
    assert found.sql is not None
    await execute(database, found.sql)
    assert "was never refreshed" not in str(bad(await check(database, settings)))
    assert bad(await check(database, settings)) == []


USE = Use(batched=(), zoned=False, compressed=False, correction_window=timedelta(hours=2))


@pytest.mark.parametrize(
    ("version", "changes", "issues"),
    [
        ("2.13.0", {}, [6443]),
        ("2.17.2", {"zoned": True, "compressed": True}, []),
        ("2.18.1", {"compressed": True}, [7686]),
        ("2.22.0", {}, [8621, 9221]),
        ("2.23.0-dev", {"zoned": True, "batched": (1000,)}, [9226, 9221]),
        ("2.28.2", {"batched": (1000,)}, [10221]),
        ("2.28.2", {}, []),
        ("2.29.2", {"zoned": True}, [10296]),
        ("2.29.2", {"zoned": True, "correction_window": timedelta(days=1)}, [10296, 10296]),
        ("2.29.2", {}, []),
    ],
)
def test_releases_with_known_bugs(version: str, changes: dict[str, Any], issues: list[int]) -> None:
    numbers = tuple(int(part) for part in version.removesuffix("-dev").split("."))
    found = list(known_bugs(Release(numbers, version, True), replace(USE, **changes)))
    assert [f.sentence.partition("timescaledb#")[2].partition(",")[0] for f in found] == [
        str(issue) for issue in issues
    ]
    assert {bug.issue for bug in BUGS} >= set(issues)
