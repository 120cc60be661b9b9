"""A real PostgreSQL for all tests, and a database of its own for each."""

from __future__ import annotations

import itertools
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import hypothesis
import pytest
import pytest_asyncio
from pydantic import SecretStr

from app.data import schema
from app.data.database import Database
from app.data.embedded.server import embedded_postgres
from app.data.repository import Repository
from app.settings import Settings
from tests.timescale.server import TimescaleServer, timescale_server
from tests.world import SHADOW, with_shadow

_numbers = itertools.count()

THROWN_AWAY = (
    "fsync = off",
    "full_page_writes = off",
    "checkpoint_timeout = '1h'",
    "max_wal_size = '4GB'",
)
"""What a server need not do whose data nobody wants after the tests."""


def pytest_configure() -> None:
    """Let a test's outcome depend neither on how it was started nor on how busy the machine is.

    Signals are ignored under `nohup` and in a script's background, which children inherit.
    Hypothesis fails an example that takes 0.2 s, but where it finds that it runs in CI.
    """
    hypothesis.settings.register_profile(
        "patient",
        hypothesis.settings.default,
        deadline=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("patient")
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is signal.SIG_IGN:
            initial = signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL
            signal.signal(number, initial)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the developer's own .env out of the tests."""
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_url() -> AsyncIterator[str]:
    """The URL of a server that lives as long as the session.

    Its folder is not one of pytest's: another run would clean it up.
    """
    with TemporaryDirectory(prefix="kpi-") as folder:
        async with embedded_postgres(Path(folder)) as url:
            await _create_templates(url)
            yield url


async def _create_templates(url: str) -> None:
    connection = await asyncpg.connect(url)
    for setting in THROWN_AWAY:
        await connection.execute(f"ALTER SYSTEM SET {setting}")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()
    template = await _create(url, "initialised")
    settings = Settings(database_url=SecretStr(template))
    async with Database(settings) as database:
        await schema.init(database, settings)
    shadowed = await _create(url, "shadowed", "initialised")
    connection = await asyncpg.connect(shadowed)
    await connection.execute(SHADOW)
    await connection.close()


async def _create(url: str, name: str, template: str = "template1") -> str:
    connection = await asyncpg.connect(url)
    try:
        # To copy the files takes a tenth of the time that it takes to log them.
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    finally:
        await connection.close()
    return url.replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="session")
def timescale() -> Iterator[TimescaleServer]:
    """A TimescaleDB that lives as long as the session, started by the first test that asks."""
    with timescale_server() as server:
        yield server


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """The backend of the test's database: `postgres` unless marked with tests.backends."""
    return getattr(request, "param", "postgres")


@asynccontextmanager
async def _timescale_database(request: pytest.FixtureRequest, then: str) -> AsyncIterator[str]:
    server: TimescaleServer = request.getfixturevalue("timescale")
    async with server.fresh_database() as url:
        settings = Settings(database_url=SecretStr(url))
        async with Database(settings) as database, database.connection() as connection:
            await schema.init(database, settings)
            if then:
                await connection.execute(then)
        yield url


@pytest.fixture
async def empty_url(
    backend: str, postgres_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[str]:
    """A database with nothing in it."""
    if backend == "postgres":
        yield await _create(postgres_url, f"test_{next(_numbers)}")
        return
    server: TimescaleServer = request.getfixturevalue("timescale")
    async with server.fresh_database() as url:
        yield url


@pytest.fixture
async def database_url(
    backend: str, postgres_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[str]:
    """A database with the schema and no rows."""
    if backend == "postgres":
        yield await _create(postgres_url, f"test_{next(_numbers)}", "initialised")
        return
    async with _timescale_database(request, "") as url:
        yield url


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Settings for a database with the schema and no rows."""
    return Settings(database_url=SecretStr(database_url))


Shadowed = Callable[[str], AbstractAsyncContextManager[Settings]]


@pytest.fixture
def shadowed_on(postgres_url: str, request: pytest.FixtureRequest) -> Shadowed:
    """Settings for a database on a backend of the test's choice, whose clock can be moved."""

    @asynccontextmanager
    async def opened(backend: str) -> AsyncIterator[Settings]:
        if backend == "postgres":
            url = await _create(postgres_url, f"test_{next(_numbers)}", "shadowed")
            yield Settings(database_url=SecretStr(with_shadow(url)))
            return
        async with _timescale_database(request, SHADOW) as url:
            yield Settings(database_url=SecretStr(with_shadow(url)))

    return opened


@pytest.fixture
async def shadowed_settings(backend: str, shadowed_on: Shadowed) -> AsyncIterator[Settings]:
    """Settings for a database with the schema and no rows, whose clock can be moved."""
    async with shadowed_on(backend) as settings:
        yield settings


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """An open database with the schema and no rows."""
    async with Database(settings) as opened:
        yield opened


@pytest.fixture
def repository(database: Database, settings: Settings) -> Repository:
    """Reads of that database."""
    return Repository(database, settings)
