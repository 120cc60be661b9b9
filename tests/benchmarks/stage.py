"""The database that all gateways under measurement use, on the server's core."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil
from pydantic import SecretStr

from app.data import schema
from app.data.database import Database
from app.data.embedded.server import embedded_postgres
from app.data.rollups import Rollups
from app.settings import Settings
from tests.benchmarks import machine
from tests.benchmarks.processes import Server, free_port, serving

SEED = """
INSERT INTO kpi_raw_data
SELECT minute + INTERVAL '1 second', code, 100 * random()
FROM unnest($1::text[]) AS code,
    generate_series(
        date_trunc('hour', now()) - $2::interval, date_trunc('minute', now()),
        INTERVAL '1 minute'
    ) AS minute
"""

LATE_ROWS = """
INSERT INTO kpi_raw_data
SELECT date_trunc('hour', now()) - INTERVAL '30 minutes', code, 100 * random()
FROM unnest($1::text[]) AS code
"""


def codes(count: int) -> list[str]:
    return [f"kpi_{number:05d}" for number in range(count)]


class Stage:
    """A PostgreSQL server, and databases in it."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self.folder = folder

    def url(self, name: str) -> str:
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{name}"))

    async def create(self, name: str) -> str:
        """Make a database with the project's schema; return its URL."""
        async with self.connection("postgres") as connection:
            await connection.execute(f"CREATE DATABASE {name}")
        settings = Settings(database_url=SecretStr(self.url(name)), _env_file=None)
        async with Database(settings) as database:
            await schema.init(database, settings)
        return self.url(name)

    async def drop(self, name: str) -> None:
        async with self.connection("postgres") as connection:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @asynccontextmanager
    async def connection(self, name: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        connection = await asyncpg.connect(self.url(name), timeout=10)
        try:
            yield connection
        finally:
            await connection.close(timeout=10)

    async def execute(self, name: str, sql: str, *arguments: Any, timeout: float = 60) -> None:
        async with self.connection(name) as connection:
            await connection.execute(sql, *arguments, timeout=timeout)

    async def seed(
        self, name: str, kpis: Sequence[str], *, back: timedelta = timedelta(hours=2)
    ) -> None:
        """Give each KPI a raw row for each minute since so long before this hour began."""
        await self.execute(name, SEED, kpis, back)
        settings = Settings(database_url=SecretStr(self.url(name)), _env_file=None)
        async with Database(settings) as database:
            await Rollups(database).refresh()

    async def fetch(self, name: str, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        async with self.connection(name) as connection:
            return list(await connection.fetch(sql, *arguments))

    async def processes(self, name: str) -> list[int]:
        """Return the process ids of those who serve the connections to a database."""
        async with self.connection("postgres") as connection:
            rows = await connection.fetch(
                "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
                name,
            )
        return [row["pid"] for row in rows if psutil.pid_exists(row["pid"])]


@asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """Run a PostgreSQL that counts its statements."""
    with tempfile.TemporaryDirectory(prefix="kpi-bench-") as name:
        folder = Path(name)
        async with _postgres(folder) as url:
            connection = await asyncpg.connect(url)
            await connection.execute(
                "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'"
            )
            await connection.close()
        # It takes a new start.
        async with _postgres(folder) as url:
            stage = Stage(url, folder)
            await stage.execute("postgres", "CREATE EXTENSION pg_stat_statements")
            yield stage


@asynccontextmanager
async def _postgres(folder: Path) -> AsyncIterator[str]:
    opening = embedded_postgres(folder)
    with machine.on_core(machine.SERVER_CORE):
        url = await opening.__aenter__()
    try:
        yield url
    finally:
        await opening.__aexit__(None, None, None)


@contextmanager
def gateway(url: str, **settings: str) -> Iterator[Server]:
    """Run `kpi-stream serve` on a database, with settings over those that suit a benchmark."""
    port = free_port()
    environment = {
        "KPI_DATABASE_URL": url,
        "KPI_BIND": f"127.0.0.1:{port}",
        # Silent and open to all while measured, except where that is what is measured.
        "KPI_HEARTBEAT_SECONDS": "300",
        "KPI_STREAM_MAX_AGE": "10h",
        "KPI_MAX_STREAMS": "30000",
        "KPI_MAX_STREAMS_PER_ADDRESS": "30000",
        **{f"KPI_{name.upper()}": value for name, value in settings.items()},
    }
    with serving([sys.executable, "-m", "app", "serve"], port, environment) as server:
        yield server
