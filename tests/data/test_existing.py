"""`db init` where something is there already: tables, views, schemas, rights of other people's."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from app.data import schema
from app.data.database import Database
from app.data.repository import Repository
from app.data.rollups import Rollups
from app.errors import ConfigurationError
from app.models import Period
from app.settings import Settings
from tests.backends import both_backends, settle
from tests.world import execute, fetch


def settings_for(url: str) -> Settings:
    return Settings(database_url=SecretStr(url))


@both_backends
async def test_a_table_that_takes_rows_without_a_value(empty_url: str) -> None:
    settings = settings_for(empty_url)
    async with Database(settings) as database:
        # TimescaleDB makes the time NOT NULL itself.
        await execute(
            database,
            'CREATE TABLE kpi_raw_data ("timestamp" timestamptz NOT NULL, kpi_code text, '
            "value float8)",
        )
        assert await schema.init(database, settings) == schema.READY
        for code, value in (("x", None), (None, 1.0), ("y", 2.0), ("z", None), ("z", 3.0)):
            await execute(
                database,
                "INSERT INTO kpi_raw_data VALUES (now() - INTERVAL '5 minutes', $1, $2)",
                code,
                value,
            )
        for _ in range(2):
            rows = await fetch(
                database,
                "SELECT kpi_code, avg_value, data_points FROM kpi_values_minute ORDER BY 1",
            )
            assert [tuple(row) for row in rows] == [("y", 2.0, 1), ("z", 3.0, 1)]
            await Rollups(database).refresh()
            await settle(database, settings)
        catalogue = await Repository(database, settings).catalogue()
        assert [entry.code for entry in catalogue] == ["y", "z"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            '"timestamp" timestamp, kpi_code text, value float8',
            "kpi_raw_data.timestamp is timestamp without time zone, and nothing was changed: run "
            'ALTER TABLE kpi_raw_data ALTER "timestamp" TYPE timestamptz USING',
        ),
        ("at timestamptz, kpi_code text, value float8", "has no column timestamp"),
        ('"timestamp" timestamptz, kpi_code text, value text', "kpi_raw_data.value is text"),
    ],
)
async def test_a_table_that_cannot_be_added_up(empty_url: str, columns: str, words: str) -> None:
    settings = settings_for(empty_url)
    async with Database(settings) as database:
        await execute(database, f"CREATE TABLE kpi_raw_data ({columns})")
        with pytest.raises(ConfigurationError) as raised:
            await schema.init(database, settings)
        assert words in str(raised.value)
        [row] = await fetch(database, "SELECT count(*) FROM pg_class WHERE relname LIKE 'kpi_%'")
        assert row[0] == 1


VIEW = """
    CREATE VIEW kpi_values_{} AS
    SELECT now() AS bucket, 'a'::text AS kpi_code, 1.0::float8 AS avg_value
"""


@both_backends
async def test_views_of_ones_own_stay_and_that_is_said(empty_url: str) -> None:
    settings = settings_for(empty_url)
    async with Database(settings) as database:
        for period in ("minute", "hour"):
            await execute(database, VIEW.format(period))
        assert await schema.init(database, settings) == schema.FOREIGN
        [row] = await fetch(database, "SELECT to_regclass('kpi_raw_data') IS NULL")
        assert row[0]


@both_backends
async def test_a_schema_for_each_tenant(empty_url: str) -> None:
    separator = "&" if "?" in empty_url else "?"
    for tenant in ("a", "b"):
        settings = settings_for(f"{empty_url}{separator}search_path={tenant}")
        async with Database(settings) as database:
            await execute(database, f"CREATE SCHEMA {tenant}")
            assert await schema.init(database, settings) == schema.READY
            await execute(
                database,
                "INSERT INTO kpi_raw_data VALUES (now() - INTERVAL '5 minutes', $1, 1)",
                tenant,
            )
            await settle(database, settings)
            repository = Repository(database, settings)
            await repository.verify()
            assert [entry.code for entry in await repository.catalogue()] == [tenant]
            reading = await repository.window(Period.MINUTE, ["a", "b"], 10)
            assert [code for code, _ in reading.rows] == [tenant]
    async with Database(settings_for(empty_url)) as database:
        if await fetch(database, "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"):
            [row] = await fetch(
                database,
                "SELECT count(*) FROM timescaledb_information.jobs "
                "WHERE proc_name = 'policy_refresh_continuous_aggregate'",
            )
            assert row[0] == 6


async def test_an_ordinary_role_sets_up_its_own_database(empty_url: str) -> None:
    async with Database(settings_for(empty_url)) as database:
        await execute(
            database,
            "DO $$ BEGIN CREATE ROLE owner LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; "
            "END $$; GRANT CREATE ON SCHEMA public TO owner",
        )
    settings = settings_for(empty_url.replace("postgres@", "owner@"))
    async with Database(settings) as database:
        assert await schema.init(database, settings) == schema.READY
