"""The pool: bounded waits, a dropped link asked again once, and what is raised when all fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from pydantic import SecretStr

from app.data import connector
from app.data import database as module
from app.data.database import Backend, Connection, Database
from app.errors import ConfigurationError, DatabaseUnavailableError
from app.settings import Settings
from tests.backends import both_backends
from tests.e2e.server_process import free_port
from tests.world import execute, fetch

END_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


async def number(connection: Connection) -> int:
    found: int = await connection.fetchval("SELECT pg_backend_pid()")
    return found


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A port that takes connections and says nothing."""
    taken: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: taken.append(writer), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for writer in taken:
            writer.close()


def elsewhere(url: str) -> Settings:
    return Settings(database_url=SecretStr(url))


async def test_it_says_who_it_is_and_what_it_relies_on(database: Database) -> None:
    for name, value in {
        "application_name": "kpi-stream",
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "1min",
        "extra_float_digits": "1",
        "TimeZone": "UTC",
    }.items():
        assert (await fetch(database, f"SHOW {name}"))[0][0] == value


async def test_a_read_outlives_a_dropped_link(database: Database, settings: Settings) -> None:
    """All the pool's connections are gone, and each is found to be only when it is used."""
    async with Database(settings) as other:
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(execute(database, "SELECT pg_sleep(0.05)"))
        await fetch(other, END_OTHERS)
        assert await asyncio.gather(*(database.read(number) for _ in range(8)))


async def test_a_read_outlives_links_that_a_firewall_forgot(settings: Settings) -> None:
    """Nobody tells: each of the pool's connections breaks when something is sent over it."""
    assert settings.database_url is not None
    async with (
        forgetful_way(settings.database_url.get_secret_value()) as (url, forget),
        Database(elsewhere(url)) as database,
    ):
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(execute(database, "SELECT pg_sleep(0.1)"))
        forget()
        assert await database.read(number)


@asynccontextmanager
async def forgetful_way(url: str) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """Yield a URL that leads to the database by a way which can forget its links."""
    parts = urlsplit(url)
    socket = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
    forgotten: set[asyncio.Task[None]] = set()
    links: set[asyncio.Task[None]] = set()

    async def link(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        links.add(task)
        back_reader, back_writer = await asyncio.open_unix_connection(socket)
        answers = asyncio.create_task(copy(back_reader, writer))
        with suppress(ConnectionError):
            while (data := await reader.read(65_536)) and task not in forgotten:
                back_writer.write(data)
        writer.transport.abort()
        back_writer.close()
        await answers

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)

    server = await asyncio.start_server(link, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield (
            f"postgresql://postgres@127.0.0.1:{port}{parts.path}?sslmode=disable",
            lambda: forgotten.update(links),
        )
    await asyncio.gather(*links)


async def test_a_read_is_asked_twice_at_most(database: Database) -> None:
    asked = 0

    async def end_itself(connection: Connection) -> None:
        nonlocal asked
        asked += 1
        await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DatabaseUnavailableError):
        await database.read(end_itself)
    assert asked == 2
    assert await database.read(number)


async def test_a_write_is_not_repeated(database: Database) -> None:
    with pytest.raises(DatabaseUnavailableError):
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO kpi_raw_data VALUES (now(), 'a', 1)")
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await fetch(database, "TABLE kpi_raw_data") == []


async def test_a_slow_read_is_given_up_and_not_repeated(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_SECONDS", 0.3)
    asked = 0

    async def sleep(connection: Connection) -> None:
        nonlocal asked
        asked += 1
        await connection.execute("SELECT pg_sleep(60)")

    with pytest.raises(DatabaseUnavailableError):
        async with asyncio.timeout(5):
            await database.read(sleep)
    assert asked == 1
    assert await database.read(number)


async def test_the_server_gives_a_statement_up_first(settings: Settings) -> None:
    asked = 0

    async def sleep(connection: Connection) -> None:
        nonlocal asked
        asked += 1
        await connection.execute("SELECT pg_sleep(60)")

    quick = {"statement_timeout": "100"}
    async with Database(settings, server_settings=quick) as database:
        with pytest.raises(DatabaseUnavailableError, match="statement timeout"):
            await database.read(sleep)
    assert asked == 1


async def test_a_connection_that_never_comes_free_is_waited_for_within_bounds(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "CONNECT_SECONDS", 0.2)
    narrow = settings.model_copy(update={"database_pool": 1})
    async with Database(narrow) as database, database.connection():
        with pytest.raises(DatabaseUnavailableError):
            async with asyncio.timeout(5):
                await fetch(database, "SELECT 1")


async def test_a_server_that_is_silent_is_waited_for_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connector, "CONNECT_SECONDS", 0.2)
    async with silent_server() as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"
        async with Database(elsewhere(url)) as database, asyncio.timeout(5):
            with pytest.raises(DatabaseUnavailableError):
                await database.read(number)


async def test_a_database_that_is_not_there_yet(settings: Settings) -> None:
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    async with Database(elsewhere(url.replace("port=5432", "port=5433"))) as database:
        with pytest.raises(DatabaseUnavailableError, match="no PostgreSQL has its socket in"):
            await fetch(database, "SELECT 1")


async def test_a_port_at_which_nothing_listens() -> None:
    port = free_port()
    async with Database(elsewhere(f"postgresql://localhost:{port}/x")) as database:
        with pytest.raises(DatabaseUnavailableError, match=rf"nothing listens at \S+, port {port}"):
            await fetch(database, "SELECT 1")


@pytest.mark.parametrize(
    "change", [("/test_", "/no_such_"), ("postgres@", "nobody@"), ("postgresql://", "mysql://")]
)
async def test_what_only_the_operator_can_mend(settings: Settings, change: tuple[str, str]) -> None:
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value().replace(*change)
    with pytest.raises(ConfigurationError):
        async with Database(elsewhere(url)) as database:
            await fetch(database, "SELECT 1")


async def test_without_a_url() -> None:
    with pytest.raises(ConfigurationError, match="KPI_DATABASE_URL"):
        Database(Settings(database_url=None))


async def test_a_wrong_use_stays_one(database: Database) -> None:
    with pytest.raises(asyncpg.InterfaceError):
        await fetch(database, "SELECT $1::int")
    with pytest.raises(asyncpg.DataError):
        await fetch(database, "SELECT $1::int", "seven")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await fetch(database, "SELECT 1 / 0")


async def test_closing_does_not_wait_for_ever(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    busy = asyncio.Event()

    async def use(database: Database) -> None:
        async with database.connection() as connection:
            busy.set()
            await connection.execute("SELECT pg_sleep(60)")

    async with Database(settings) as database:
        task = asyncio.create_task(use(database))
        await busy.wait()
        before = loop.time()
    assert loop.time() - before < 3
    with pytest.raises(DatabaseUnavailableError):
        await task


async def test_cancelling_gives_the_connection_back(settings: Settings) -> None:
    narrow = settings.model_copy(update={"database_pool": 1})
    async with Database(narrow) as database:
        task = asyncio.create_task(execute(database, "SELECT pg_sleep(60)"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await fetch(database, "SELECT 1")


async def test_a_session_may_take_longer(settings: Settings) -> None:
    quick: dict[str, Any] = {"server_settings": {"search_path": "public"}}
    async with Database(settings, **quick) as database, database.session(3600) as connection:
        assert await connection.fetchval("SHOW statement_timeout") == "1h"
        assert await connection.fetchval("SHOW search_path") == "public"


@both_backends
async def test_one_connection_is_enough(backend: str, settings: Settings) -> None:
    narrow = settings.model_copy(update={"database_pool": 1})
    async with Database(narrow) as database:
        assert await asyncio.gather(*(database.read(number) for _ in range(5)))
        assert await database.backend() is Backend(backend)
