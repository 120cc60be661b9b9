"""`kpi-stream adopt`: tables as people have them, from nothing to live KPIs in one command."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from app.cli import main
from app.data.database import Database
from app.data.repository import Repository
from app.models import Period
from app.settings import Settings
from tests.backends import both_backends
from tests.world import execute, fetch


class Shape(NamedTuple):
    """A table, the options that it takes, and a KPI's newest complete hour as it should be."""

    sql: str
    options: list[str]
    hours: dict[str, float]


HOUR_AGO = "date_trunc('hour', now()) - INTERVAL '30 minutes'"

SHAPES = {
    "wide": Shape(
        f"""CREATE TABLE measurements (ts timestamptz, machine text, temperature real, rpm int);
        INSERT INTO measurements SELECT {HOUR_AGO}, m, 20.5, r FROM (VALUES ('a', 10), ('b', 30))
            AS v (m, r);
        INSERT INTO measurements VALUES ({HOUR_AGO}, 'a', NULL, 20), (NULL, 'a', 9, 9)""",
        ["measurements", "--code", "plant.{machine}.{column}"],
        {"plant.a.rpm": 15.0, "plant.b.rpm": 30.0, "plant.a.temperature": 20.5},
    ),
    "long": Shape(
        f"""CREATE TABLE readings (id serial, time timestamptz, sensor varchar(20), value numeric);
        INSERT INTO readings (time, sensor, value) VALUES ({HOUR_AGO}, 's1', 1.5),
            ({HOUR_AGO}, 's1', 'NaN'), ({HOUR_AGO}, 's2', 2)""",
        ["readings"],
        {"s1": 1.5, "s2": 2.0},
    ),
    "one value and no name": Shape(
        f"""CREATE TABLE orders (order_id int, created_at timestamp, amount numeric(10, 2));
        INSERT INTO orders VALUES (1, ({HOUR_AGO}) AT TIME ZONE 'UTC', 12.25)""",
        ["orders"],
        {"amount": 12.25},
    ),
    "a local time": Shape(
        f"""CREATE TABLE shifts (at timestamp, output int);
        INSERT INTO shifts VALUES (({HOUR_AGO}) AT TIME ZONE 'Europe/Berlin', 7)""",
        ["shifts", "--zone", "Europe/Berlin", "--code", "shift.{column}"],
        {"shift.output": 7.0},
    ),
    "seconds since 1970": Shape(
        f"""CREATE TABLE metrics (epoch bigint, metric text, reading double precision);
        INSERT INTO metrics VALUES (extract(epoch FROM {HOUR_AGO}), 'load', 0.5)""",
        ["metrics", "--time", "epoch", "--value", "reading"],
        {"load": 0.5},
    ),
    "milliseconds": Shape(
        f"""CREATE TABLE events (stamp bigint, kind text, weight int);
        INSERT INTO events VALUES (extract(epoch FROM {HOUR_AGO}) * 1000, 'x', 4)""",
        ["events", "--time", "stamp", "--value", "weight", "--milliseconds"],
        {"x": 4.0},
    ),
    "integers for names": Shape(
        f"""CREATE TABLE counters (at timestamptz, device_id int, count bigint);
        INSERT INTO counters VALUES ({HOUR_AGO}, 17, 3), ({HOUR_AGO}, NULL, 5)""",
        ["counters", "--code", "{device_id}", "--value", "count"],
        {"17": 3.0, "null": 5.0},
    ),
    "names that are no codes": Shape(
        f"""CREATE TABLE lines (ts timestamptz, line text, scrap real);
        INSERT INTO lines VALUES ({HOUR_AGO}, 'Line 1/A', 1), ({HOUR_AGO}, 'Line 1 A', 2),
            ({HOUR_AGO}, NULL, 3), ({HOUR_AGO}, 'clean', 4), ({HOUR_AGO}, 'Straße: ' || :long, 5)
        """.replace(":long", "repeat('x', 99)"),
        ["lines"],
        {"Line_1_A-fcc293": 1.0, "Line_1_A-4fd981": 2.0, "null": 3.0, "clean": 4.0},
    ),
    "names that need quotes": Shape(
        f"""CREATE SCHEMA "Werk 1";
        CREATE TABLE "Werk 1"."Messwerte" ("Zeit" timestamptz, "Anlage's" text, "p (bar):x" real);
        INSERT INTO "Werk 1"."Messwerte" VALUES ({HOUR_AGO}, 'P1', 6)""",
        ['"Werk 1"."Messwerte"', "--code", "{Anlage's}.p"],
        {"P1.p": 6.0},
    ),
    "partitions": Shape(
        f"""CREATE TABLE parts (at timestamptz NOT NULL, plant text, made int)
            PARTITION BY RANGE (at);
        CREATE TABLE parts_all PARTITION OF parts DEFAULT;
        INSERT INTO parts VALUES ({HOUR_AGO}, 'north', 8)""",
        ["parts"],
        {"north": 8.0},
    ),
    "a view": Shape(
        f"""CREATE TABLE machines (number int, name text);
        CREATE TABLE states (machine int, since timestamptz, running boolean);
        INSERT INTO machines VALUES (1, 'press');
        INSERT INTO states VALUES (1, {HOUR_AGO}, true), (1, {HOUR_AGO}, false);
        CREATE VIEW running AS
            SELECT since, name, running FROM states JOIN machines ON machine = number""",
        ["running"],
        {"press": 0.5},
    ),
    "days": Shape(
        """CREATE TABLE books (day date, account text, balance numeric);
        INSERT INTO books VALUES (current_date - 1, 'cash', 100)""",
        ["books"],
        {},
    ),
}


def adopt(url: str, *options: str, **more: str) -> Result:
    environment = {"KPI_DATABASE_URL": url, "KPI_TIMEZONE": "Europe/Berlin"}
    return CliRunner(env=environment).invoke(main, ["adopt", *options], **more)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
@both_backends
async def test_tables_as_people_have_them(shape: Shape, empty_url: str) -> None:
    settings = Settings(database_url=SecretStr(empty_url), timezone="Europe/Berlin")
    async with Database(settings) as database:
        for statement in shape.sql.split(";\n"):
            await execute(database, statement)
        answer = await asyncio.to_thread(adopt, empty_url, *shape.options, "--yes")
        assert answer.exit_code == 0, answer.output
        repository = Repository(database, settings)
        await repository.verify()
        for period in (Period.HOUR, Period.MINUTE):
            reading = await repository.window(period, list(shape.hours), 120)
            assert {code: bucket.value for code, bucket in reading.rows} == shape.hours
        codes = await repository.codes()
        assert codes >= set(shape.hours)
        assert codes
        again = await asyncio.to_thread(adopt, empty_url, *shape.options, "--yes")
        assert again.exit_code == 0, again.output


@pytest.mark.parametrize("backend", ["timescale"], indirect=True)
async def test_a_hypertable_gets_continuous_aggregates(empty_url: str) -> None:
    settings = Settings(database_url=SecretStr(empty_url), timezone="Europe/Berlin")
    async with Database(settings) as database:
        await execute(database, "CREATE EXTENSION IF NOT EXISTS timescaledb")
        for statement in SHAPES["wide"].sql.split(";\n")[:1]:
            await execute(database, statement)
        await execute(database, "SELECT create_hypertable('measurements', by_range('ts'))")
        for statement in SHAPES["wide"].sql.split(";\n")[1:]:
            await execute(database, statement.replace(", (NULL, 'a', 9, 9)", ""))
        options = SHAPES["wide"].options
        answer = await asyncio.to_thread(adopt, empty_url, *options, "--yes")
        assert answer.exit_code == 0, answer.output
        reading = await Repository(database, settings).window(Period.HOUR, ["plant.a.rpm"], 9)
        assert [bucket.value for _, bucket in reading.rows] == [15.0]
        jobs = await fetch(
            database,
            "SELECT count(*) FROM timescaledb_information.jobs WHERE proc_name LIKE '%refresh%'",
        )
        assert jobs[0][0] == 6


async def test_it_asks_shows_and_changes_nothing_without_a_yes(empty_url: str) -> None:
    async with Database(Settings(database_url=SecretStr(empty_url))) as database:
        for statement in SHAPES["wide"].sql.split(";\n"):
            await execute(database, statement)
        lines = "measurements\nts\nrpm\n{machine}\nn\n"
        answer = await asyncio.to_thread(lambda: adopt(empty_url, input=lines))
        assert answer.exit_code == 0, answer.output
        assert "CREATE VIEW kpi_values_minute" in answer.stdout
        assert "Codes such as a, b." in answer.stderr
        [[made]] = await fetch(database, "SELECT to_regclass('kpi_values_minute')")
        assert made is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["nothing"], "there is no table or view nothing"),
        (["measurements", "--time", "rpm2"], "has no column 'rpm2'"),
        (["measurements", "--time", "machine"], "machine is text, which is no time"),
        (["measurements", "--value", "machine"], "machine is text, which is no number"),
        (["measurements", "--code", "{line}", "--value", "rpm"], "the code names 'line'"),
        (["measurements", "--code", "{machine}"], "has to name {column} as well"),
        ([], "name the table or view; there are measurements"),
    ],
)
async def test_what_cannot_be_is_said(empty_url: str, options: list[str], said: str) -> None:
    async with Database(Settings(database_url=SecretStr(empty_url))) as database:
        await execute(database, SHAPES["wide"].sql.split(";\n", maxsplit=1)[0])
    answer = await asyncio.to_thread(adopt, empty_url, *options, "--yes")
    assert answer.exit_code == 1
    assert said in answer.stderr


async def test_views_that_are_not_its_own_are_left_alone(database_url: str) -> None:
    answer = await asyncio.to_thread(adopt, database_url, "kpi_catalog", "--yes")
    assert answer.exit_code == 1
    assert "which are not of an adoption: adopt before db init" in answer.stderr


async def test_a_minute_is_found_by_its_index(empty_url: str) -> None:
    settings = Settings(database_url=SecretStr(empty_url), timezone="Europe/Berlin")
    async with Database(settings) as database:
        await execute(database, SHAPES["wide"].sql.split(";\n", maxsplit=1)[0])
        await execute(
            database,
            "INSERT INTO measurements SELECT now() - g * INTERVAL '1 minute', 'a', g, g"
            " FROM generate_series(1, 60000) AS g",
        )
        answer = await asyncio.to_thread(adopt, empty_url, *SHAPES["wide"].options, "--yes")
        assert answer.exit_code == 0, answer.output
        await execute(database, "ANALYZE measurements")
        for view, span in (("minute", "2 minutes"), ("hour", "2 hours"), ("day", "25 hours")):
            rows = await fetch(
                database,
                f"EXPLAIN SELECT * FROM kpi_values_{view} WHERE bucket > now() - INTERVAL '{span}'",
            )
            plan = "\n".join(row[0] for row in rows)
            assert f"kpi_adopted_measurements_{view}" in plan, plan
