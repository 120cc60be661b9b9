"""The harness itself: what the other tests take for granted of a PostgreSQL server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.timescale.server import TimescaleServer

pytestmark = pytest.mark.slow


@pytest.fixture
async def url(timescale: TimescaleServer) -> AsyncIterator[str]:
    async with timescale.fresh_database() as url:
        yield url


async def test_a_database_is_fresh_each_time(timescale: TimescaleServer) -> None:
    for _ in range(2):
        async with timescale.fresh_database() as url:
            connection = await asyncpg.connect(url)
            await connection.execute(
                """
                CREATE TABLE raw (at timestamptz NOT NULL, id serial, value float8);
                SELECT create_hypertable('raw', by_range('at'));
                CREATE TYPE pair AS (a int, b int);
                CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
                CREATE SCHEMA shadow;
                CREATE TABLE shadow.kept (a int);
                CREATE VIEW seen AS SELECT * FROM raw;
                CREATE MATERIALIZED VIEW summed WITH (timescaledb.continuous) AS
                SELECT time_bucket('1 minute', at) AS bucket, sum(value) FROM raw GROUP BY 1
                WITH NO DATA;
                SELECT add_continuous_aggregate_policy(
                    'summed', INTERVAL '1 hour', INTERVAL '1 minute', INTERVAL '1 minute');
                INSERT INTO raw (at, value) VALUES (now(), 1)
                """
            )
            assert await connection.fetchval("SELECT count(*) FROM seen") == 1
            await connection.close()


async def test_connections_keep_their_settings_and_statements_apart(url: str) -> None:
    one = await asyncpg.connect(url, server_settings={"search_path": "one, public"})
    two = await asyncpg.connect(url)
    await two.execute("SET search_path TO two")
    for _ in range(2):
        assert await one.fetchval("SHOW search_path") == "one, public"
        assert await two.fetchval("SHOW search_path") == "two"
    await one.execute("SET search_path TO other; RESET ALL")
    assert await two.fetchval("SELECT $1::int", 2) == 2
    assert await one.fetchval("SHOW search_path") == "one, public"
    await one.close()
    await two.close()


async def test_a_transaction_keeps_the_others_waiting_and_ends_with_its_connection(
    url: str,
) -> None:
    writer, reader = await asyncpg.connect(url), await asyncpg.connect(url)
    await writer.execute("CREATE TABLE t (a int)")
    await writer.execute("BEGIN; INSERT INTO t VALUES (1)")
    count = asyncio.create_task(reader.fetchval("SELECT count(*) FROM t"))
    await writer.execute("INSERT INTO t VALUES (2)")
    assert not count.done()
    writer.terminate()
    assert await count == 0
    await reader.close()


async def test_large_messages_copies_and_errors_pass(url: str) -> None:
    connection = await asyncpg.connect(url)
    assert len(await connection.fetchval("SELECT $1::text", "x" * 1_000_000)) == 1_000_000
    await connection.execute("CREATE TABLE t (a int, b text)")
    rows = [(number, "y" * 50) for number in range(30_000)]
    assert await connection.copy_records_to_table("t", records=rows) == "COPY 30000"
    await connection.executemany("INSERT INTO t VALUES ($1, $2)", rows)
    assert len(await connection.fetch("SELECT * FROM t")) == 60_000
    with pytest.raises(asyncpg.UndefinedColumnError):
        await connection.copy_records_to_table("t", records=rows, columns=["a", "none"])
    with pytest.raises(asyncpg.DivisionByZeroError):
        await connection.fetchval("SELECT 1 / 0")
    assert await connection.fetchval("SELECT count(*) FROM t") == 60_000
    await connection.close()


async def test_now_can_be_shadowed(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        """
        CREATE SCHEMA clock;
        CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE
        AS $$SELECT timestamptz '2025-01-01 00:00Z'$$;
        SET search_path TO clock, pg_catalog, public
        """
    )
    assert await connection.fetchval("SELECT now() = '2025-01-01 00:00Z'") is True
    await connection.close()
