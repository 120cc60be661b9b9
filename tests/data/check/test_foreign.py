"""Views of other people's: what `db check` says of each shape, and that its advice mends it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from app.data import schema
from app.data.check.check import check
from app.data.check.findings import Finding, Severity
from app.data.database import Database, load_queries
from app.data.repository import Repository
from app.errors import ConfigurationError
from app.models import Period
from app.settings import Settings
from tests.world import execute

METRICS = """
    CREATE TABLE metrics (at timestamptz NOT NULL, device text, value double precision);
    INSERT INTO metrics
    SELECT date_trunc('minute', now(), 'UTC') - g * INTERVAL '1 minute', 'a', g
    FROM generate_series(0, 180) AS g;
"""
VIEW = """
    CREATE {kind} kpi_values_{period} AS
    SELECT {bucket} AS bucket, {code} AS kpi_code, {value} AS avg_value, count(*) AS data_points
    FROM metrics GROUP BY date_trunc('{period}', at, 'UTC'), device;
"""


def view(
    period: str, *, kind: str = "VIEW", bucket: str = "", code: str = "device", value: str = ""
) -> str:
    return VIEW.format(
        period=period,
        kind=kind,
        bucket=bucket or f"date_trunc('{period}', at, 'UTC')",
        code=code,
        value=value or "avg(value)",
    )


@pytest.fixture
async def foreign(empty_url: str) -> AsyncIterator[tuple[Database, Settings]]:
    """A database with somebody's own table."""
    settings = Settings(database_url=SecretStr(empty_url))
    async with Database(settings) as database:
        await execute(database, METRICS)
        yield database, settings


def not_fine(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is not Severity.OK]


NAIVE = "date_trunc('hour', at, 'UTC') AT TIME ZONE 'UTC'"


@pytest.mark.parametrize(
    ("hour", "words"),
    [
        (view("hour", bucket=NAIVE), "is timestamp without time zone: it is taken for UTC"),
        (
            view("hour", bucket="extract(epoch FROM date_trunc('hour', at, 'UTC'))::bigint"),
            "bucket is bigint, not timestamp with time zone",
        ),
        (view("hour", code="to_jsonb(device)"), "kpi_code is jsonb, not text"),
        (view("hour", code="'cpu usage/' || device"), "cannot be served ('cpu usage/a')"),
        (view("hour", code="nullif(device, 'a')"), "has rows without a kpi_code"),
        (view("hour", value="avg(value)::text"), "avg_value is text, not"),
        (view("hour", value="avg(value)::numeric::money"), "avg_value is money, not"),
        ("", "the view kpi_values_hour is missing"),
        (
            "CREATE VIEW kpi_values_hour AS SELECT date_trunc('hour', bucket, 'UTC') AS bucket, "
            "kpi_code, avg(avg_value) AS avg_value, sum(data_points)::bigint AS data_points "
            "FROM kpi_values_minute GROUP BY 1, 2",
            "kpi_values_hour is an average of averages",
        ),
        (
            "CREATE MATERIALIZED VIEW kpi_values_hour AS SELECT date_trunc('hour', bucket, 'UTC') "
            "AS bucket, kpi_code, avg(avg_value) AS avg_value FROM kpi_values_minute GROUP BY 1, 2",
            "kpi_values_hour is an average of averages",
        ),
    ],
)
async def test_what_it_advises_mends(
    foreign: tuple[Database, Settings], hour: str, words: str
) -> None:
    database, settings = foreign
    await execute(database, view("minute") + hour + ";" + view("day"))
    before = not_fine(await check(database, settings))
    found = [finding for finding in before if words in finding.sentence]
    assert len(found) == 1, before
    assert "db init" not in str([finding.sql for finding in before])
    for finding in before:
        if finding.sql:
            await execute(database, finding.sql)
    assert not_fine(await check(database, settings)) == []


async def test_times_that_no_calendar_has(foreign: tuple[Database, Settings]) -> None:
    database, settings = foreign
    bucket = "min('0044-03-15 00:00Z BC'::timestamptz)"
    await execute(database, ";".join(view(p, bucket=bucket) for p in ("minute", "hour", "day")))
    assert "a time is before the year 1" in str(await check(database, settings))


async def test_views_whose_columns_have_other_names(foreign: tuple[Database, Settings]) -> None:
    """Such as quoted ones: nothing that init does would mend them."""
    database, settings = foreign
    await execute(database, view("minute") + view("hour") + ";" + view("day"))
    await execute(database, 'ALTER VIEW kpi_values_minute RENAME COLUMN avg_value TO "Avg_Value"')
    with pytest.raises(ConfigurationError, match="lacks avg_value: kpi-stream db check says"):
        await Repository(database, settings).verify()


@pytest.mark.parametrize("value", ["avg(value)::numeric::money", "avg(value) > 1"])
async def test_values_that_are_no_numbers(foreign: tuple[Database, Settings], value: str) -> None:
    database, settings = foreign
    await execute(database, view("minute", value=value) + view("hour") + ";" + view("day"))
    with pytest.raises(ConfigurationError, match="cannot be used: cannot cast type"):
        await Repository(database, settings).window(Period.MINUTE, ["a"], 3)


@pytest.mark.parametrize(
    "minute",
    [
        view("minute", code="7"),
        view("minute", code="'x'::char(4)"),
        view("minute", code="device::varchar(8)"),
        view("minute", value="avg(value)::numeric"),
        view("minute", value="avg(value)::real"),
        view("minute", value="avg(value)::integer"),
        view("minute", kind="MATERIALIZED VIEW"),
        view("minute", kind="TABLE"),
    ],
)
async def test_shapes_that_are_served_as_they_are(
    foreign: tuple[Database, Settings], minute: str
) -> None:
    database, settings = foreign
    code = "7" if "7 AS" in minute else "'x'" if "char(4)" in minute else "device"
    await execute(database, minute + view("hour", code=code) + view("day", code=code))
    findings = await check(database, settings)
    assert [f for f in findings if f.severity is Severity.ERROR and "says" not in f.sentence] == []


async def test_a_column_of_another_name_is_named(foreign: tuple[Database, Settings]) -> None:
    database, settings = foreign
    await execute(
        database,
        view("minute") + "CREATE VIEW kpi_values_hour AS SELECT at AS time, device, value "
        "FROM metrics;" + view("day"),
    )
    sentences = [finding.sentence for finding in not_fine(await check(database, settings))]
    assert (
        "kpi_values_hour has no column bucket, only device, time, value: give the one that is "
        "meant this name, with AS bucket in the view" in sentences
    )
    assert any("has no column kpi_code" in sentence for sentence in sentences)


async def test_a_materialised_view_that_was_never_filled(
    foreign: tuple[Database, Settings],
) -> None:
    database, settings = foreign
    hour = view("hour", kind="MATERIALIZED VIEW").rstrip().rstrip(";") + " WITH NO DATA;"
    await execute(database, view("minute") + hour + view("day"))
    [found] = [f for f in not_fine(await check(database, settings)) if "never filled" in f.sentence]
    assert found.sql is not None
    await execute(database, found.sql)
    assert not_fine(await check(database, settings)) == []


async def test_old_data_and_nothing_compared_are_said(
    foreign: tuple[Database, Settings],
) -> None:
    database, settings = foreign
    await execute(database, "UPDATE metrics SET at = at - INTERVAL '5 days'")
    await execute(database, view("minute") + view("hour") + view("day"))
    said = str([finding.sentence for finding in await check(database, settings)])
    assert "5 days ago: nothing writes" in said
    assert "was not compared" in said
    assert "the numbers agree" not in said


async def test_a_role_that_sees_the_views_alone(database: Database, settings: Settings) -> None:
    await execute(
        database,
        "DO $$ BEGIN CREATE ROLE onlooker LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        "GRANT SELECT ON kpi_values_minute, kpi_values_hour, kpi_values_day TO onlooker;"
        "INSERT INTO kpi_raw_data SELECT now() - g * INTERVAL '1 minute', 'a', g "
        "FROM generate_series(0, 99) AS g",
    )
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value().replace("postgres@", "onlooker@")
    async with Database(Settings(database_url=SecretStr(url))) as onlooking:
        before = await check(onlooking, settings)
        said = str(before)
        assert "not all can be seen as this role (permission denied for table kpi_" in said
        assert "the clocks of the database" in said
        [rights] = [f for f in before if "may not keep the rollups" in f.sentence]
        assert rights.sql is not None
        [names] = [f for f in before if "may not read kpi_catalog" in f.sentence]
        assert names.sql is not None
        await execute(database, rights.sql)
        await execute(database, names.sql)
        await execute(database, "GRANT SELECT ON kpi_facts TO onlooker")
        assert not_fine(await check(onlooking, settings)) == []


async def test_it_looks_at_the_newest_rows_whatever_the_history(empty_url: str) -> None:
    settings = Settings(database_url=SecretStr(empty_url))
    async with Database(settings) as database:
        await schema.init(database, settings)
        await execute(
            database,
            "ALTER TABLE kpi_raw_data DISABLE TRIGGER USER; INSERT INTO kpi_raw_data "
            "SELECT now() - g * INTERVAL '20 seconds', 'k' || c, g FROM "
            "generate_series(0, 12000) AS g, generate_series(1, 15) AS c; "
            "ALTER TABLE kpi_raw_data ENABLE TRIGGER USER; INSERT INTO kpi_rollup_minute "
            "SELECT kpi_code, date_trunc('minute', timestamp, 'UTC'), avg(value), count(*), "
            "min(value), max(value), sum(value::text::numeric) FROM kpi_raw_data GROUP BY 1, 2",
        )
        assert await rows_looked_at(database) < 60_000


async def rows_looked_at(database: Database) -> int:
    """Return how many rows the comparison of minutes reads or joins, of 180,000 raw ones."""
    words = {
        "{points}": "v.data_points",
        "{tolerance}": "1e-9",
        "{first}": "now() - INTERVAL '2 hours'",
        "{until}": "now()",
    }
    sql = load_queries("check", words).unlike_raw.sql
    async with database.connection() as connection:
        rows = await connection.fetch(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {sql}")
    looked = 0
    for (line,) in rows:
        if found := re.search(r"actual rows=([\d.]+) loops=(\d+)", line):
            looked += round(float(found[1]) * int(found[2]))
        if found := re.search(r"Removed by .*: (\d+)", line):
            looked += int(found[1])
    return looked
