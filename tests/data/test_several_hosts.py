"""Several hosts in one URL, and servers that can only be read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from app.data import schema
from app.data.check.check import check
from app.data.database import Database
from app.data.repository import Repository
from app.errors import ConfigurationError, DatabaseUnavailableError
from app.settings import Settings
from tests.data.test_database import silent_server
from tests.e2e.server_process import free_port
from tests.pgbouncer import way_to
from tests.world import execute, fetch


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[tuple[int, str]]:
    """The port that leads to a database, and its name."""
    parts = urlsplit(database_url)
    where = parse_qs(parts.query)
    async with way_to(f"{where['host'][0]}/.s.PGSQL.{where['port'][0]}") as port:
        yield port, parts.path


def at(url: str) -> Database:
    return Database(Settings(database_url=SecretStr(url)))


async def test_a_first_host_that_is_down_unknown_or_silent(place: tuple[int, str]) -> None:
    port, name = place
    async with silent_server() as silent:
        for first in (f"127.0.0.1:{free_port()}", "unknown.invalid", f"127.0.0.1:{silent}"):
            async with at(f"postgresql://postgres@{first},127.0.0.1:{port}{name}") as database:
                assert (await fetch(database, "SELECT 1"))[0][0] == 1
        query = f"host=127.0.0.1,127.0.0.1&port={silent},{port}&user=postgres&connect_timeout=2"
        async with at(f"postgresql://{name}?{query}") as database:
            assert (await fetch(database, "SELECT 1"))[0][0] == 1


async def test_the_host_that_can_be_written_is_found(
    place: tuple[int, str], database: Database
) -> None:
    port, name = place
    url = f"postgresql://postgres@127.0.0.1:{port}{name}?target_session_attrs="
    async with at(url + "read-write") as found:
        assert await fetch(found, "SELECT 1")
    await execute(database, f"ALTER DATABASE {name[1:]} SET default_transaction_read_only = on")
    async with at(url + "read-write") as found:
        with pytest.raises(DatabaseUnavailableError, match="as its target_session_attrs asks"):
            await fetch(found, "SELECT 1")
    async with at(url + "read-only") as found:
        assert await fetch(found, "SELECT 1")
    with pytest.raises(ConfigurationError, match="must be one of any, primary, standby"):
        at(url + "fastest")


async def test_a_server_that_can_only_be_read(settings: Settings, database: Database) -> None:
    """What reads works there; what writes says so."""
    await execute(database, "INSERT INTO kpi_raw_data VALUES (now() - INTERVAL '1 hour', 'a', 1)")
    name = (await fetch(database, "SELECT current_database()"))[0][0]
    await execute(database, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    async with Database(settings) as read_only:
        repository = Repository(read_only, settings)
        await repository.verify()
        assert [entry.code for entry in await repository.catalogue()] == ["a"]
        assert await check(read_only, settings)
        with pytest.raises(ConfigurationError, match="this needs the server that can be written"):
            await schema.init(read_only, settings)
