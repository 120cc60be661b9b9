"""Through PgBouncer with its defaults, in session and in transaction mode."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.data import schema
from app.data.check.check import check
from app.data.check.findings import Severity
from app.data.database import Connection, Database
from app.data.importing.command import import_rows
from app.data.repository import Repository
from app.data.rollups import Rollups
from app.errors import ConfigurationError
from app.models import Period
from app.settings import Settings
from tests.pgbouncer import pgbouncer
from tests.world import execute, fetch

IGNORED = (
    "ignore_startup_parameters = statement_timeout, idle_in_transaction_session_timeout, "
    "extra_float_digits, plan_cache_mode, jit"
)
RECENT = """
    INSERT INTO kpi_raw_data
    SELECT now() - g * INTERVAL '20 seconds', 'a', g FROM generate_series(0, 900) AS g
"""


@pytest.fixture(
    params=[("session", ""), ("transaction", ""), ("transaction", IGNORED)],
    ids=["session", "transaction", "transaction, settings ignored"],
)
async def pooled(request: pytest.FixtureRequest, empty_url: str) -> AsyncIterator[Settings]:
    """Settings that lead through PgBouncer to a database with nothing in it."""
    mode, more = request.param
    async with pgbouncer(empty_url, mode, more) as url:
        pooled = Settings(database_url=SecretStr(url))
        # Only a session can set up a database.
        init = pooled if mode == "session" else Settings(database_url=SecretStr(empty_url))
        async with Database(init) as database:
            await schema.init(database, init)
        yield pooled


@asynccontextmanager
async def through(url: str, mode: str, more: str = "") -> AsyncIterator[Database]:
    async with (
        pgbouncer(url, mode, more) as pooled,
        Database(Settings(database_url=SecretStr(pooled))) as database,
    ):
        yield database


async def test_reads_rollups_and_the_check_work(pooled: Settings) -> None:
    async with Database(pooled) as database:
        await execute(database, RECENT)
        assert await Rollups(database).refresh()
        repository = Repository(database, pooled)
        await repository.verify()
        readings = await asyncio.gather(
            *(repository.window(Period.MINUTE, ["a"], 30 + n) for n in range(20))
        )
        assert [len(reading.rows) for reading in readings] == list(range(30, 50))
        assert [entry.code for entry in await repository.catalogue()] == ["a"]
        wrong = [f for f in await check(database, pooled) if f.severity is Severity.ERROR]
        assert wrong == []


async def test_what_it_relies_on_is_set(pooled: Settings) -> None:
    async def settings(connection: Connection) -> list[str]:
        names = ("statement_timeout", "plan_cache_mode", "jit", "TimeZone", "application_name")
        return [await connection.fetchval(f"SHOW {name}") for name in names]

    async with Database(pooled) as database:
        assert await database.read(settings) == [
            "30s", "force_custom_plan", "off", "UTC", "kpi-stream",
        ]  # fmt: skip


async def test_nothing_is_left_to_the_next_client(empty_url: str) -> None:
    async with through(empty_url, "transaction", "default_pool_size = 1") as database:
        await fetch(database, "SELECT $1::int", 1)
        async with database._lent() as connection:
            assert await connection.fetchval("SHOW plan_cache_mode") == "auto"
            assert await connection.fetchval("SELECT count(*) FROM pg_prepared_statements") == 0


async def test_a_session_is_had_in_session_mode_alone(empty_url: str) -> None:
    async with (
        through(empty_url, "session") as database,
        database.session(3600) as connection,
    ):
        assert await connection.fetchval("SHOW statement_timeout") == "1h"
    async with through(empty_url, "transaction") as database:
        with pytest.raises(ConfigurationError, match="a pooler in transaction mode, which"):
            async with database.session(5):
                pass


LOOKS_LIKE_TIMESCALE = """
    DROP TABLE kpi_rollup_minute CASCADE;
    SET allow_system_table_mods = on;
    INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    VALUES (99999, 'timescaledb', 10, 2200, false, '2.20.0');
"""


async def test_an_import_that_no_refresh_could_follow_loads_nothing(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    """TimescaleDB refreshes outside of transactions, which takes a session."""
    await execute(database, LOOKS_LIKE_TIMESCALE)
    file = tmp_path / "a.csv"
    file.write_text("timestamp,kpi_code,value\n2026-01-01T00:00:00Z,a,1\n")
    assert settings.database_url is not None
    async with pgbouncer(settings.database_url.get_secret_value(), "transaction") as url:
        with pytest.raises(ConfigurationError, match="with TimescaleDB, import need"):
            await import_rows(Settings(database_url=SecretStr(url)), str(file), out=StringIO())
    assert await fetch(database, "SELECT FROM kpi_raw_data") == []


async def test_what_a_pooler_refuses_is_no_outage(empty_url: str) -> None:
    strict = "auth_type = trust\nauth_file = users"
    async with through(empty_url, "session", strict) as database:
        with pytest.raises(ConfigurationError, match="authentication failed"):
            await fetch(database, "SELECT 1")
