"""A gateway on a database whose clock stands still until a test moves it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from app.settings import Settings
from tests.http.credentials import JWT
from tests.running import Gateway, open_gateway
from tests.world import at, execute, moment

READS = ("WITH clock AS (", "WITH asked AS (")
"""How the statements begin that read the aggregates."""

NOON = at("2026-05-04T12:00:30+00:00")


@pytest.fixture
async def gateway(shadowed_settings: Settings) -> AsyncIterator[Gateway]:
    """It is 30 s past noon, and `sales` had 1, 2, 3, … in the minutes before."""
    async with open_gateway(shadowed_settings) as opened:
        await opened.hand.set(NOON)
        for minute in range(10):
            await write(opened, "sales", NOON - 600 + 60 * minute, minute + 1.0)
        yield opened


async def write(gateway: Gateway, code: str, at_seconds: float, value: float) -> None:
    await execute(
        gateway.database,
        "INSERT INTO kpi_raw_data VALUES ($1, $2, $3)",
        moment(at_seconds),
        code,
        value,
    )


@dataclass
class Counted:
    """How many statements read the aggregates."""

    reads: int = 0
    statements: int = 0
    """All of them."""


QueryCounter = Callable[[], AbstractAsyncContextManager[Counted]]


@pytest.fixture
async def query_counter(postgres_url: str, shadowed_settings: Settings) -> QueryCounter:
    """Count statements where they arrive: in the log of the database server."""
    assert shadowed_settings.database_url is not None
    url = urlsplit(shadowed_settings.database_url.get_secret_value())
    name = url.path.removeprefix("/")
    log = Path(parse_qs(url.query)["host"][0]) / "log"
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute("ALTER SYSTEM SET log_line_prefix = '%d '")
        await connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()

    @asynccontextmanager
    async def counting() -> AsyncIterator[Counted]:
        counted = Counted()
        size = log.stat().st_size
        yield counted
        lines = log.read_bytes()[size:].decode().splitlines()
        executed = [line for line in lines if line.startswith(f"{name} LOG:  execute")]
        counted.reads = sum(line.endswith(READS) for line in executed)
        counted.statements = len(executed)

    return counting


@pytest.fixture
async def guarded(shadowed_settings: Settings) -> AsyncIterator[Gateway]:
    async with open_gateway(shadowed_settings.model_copy(update=JWT)) as opened:
        await opened.hand.set(NOON)
        for code in ("sales", "stock"):
            await write(opened, code, NOON - 60, 1.0)
        yield opened
