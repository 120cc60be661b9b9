"""Each way of encrypting the link to the database, with real certificates."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pydantic import SecretStr

from app.data.database import Database
from app.data.faults import explained
from app.errors import ConfigurationError, DatabaseUnavailableError
from app.settings import Settings
from tests.certificates import Authority
from tests.e2e.server_process import free_port
from tests.pgbouncer import pgbouncer
from tests.world import fetch

REFUSED = r"refuses the TLS handshake \(tls\w+ alert|connection was closed"
"""In TLS 1.3 the alert comes after the handshake, and may be overtaken by the end."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """With certificates; PgBouncer may be another user's."""
    with TemporaryDirectory(prefix="kpi-") as name:
        path = Path(name)
        path.chmod(0o755)
        authority = Authority(path)
        authority.sign("server", "localhost", "db.example")
        authority.sign("client")
        Authority(path, "other").sign("stranger")
        if os.getuid() == 0:
            shutil.copy(path / "server.key", path / "pgbouncer.key")
            shutil.chown(path / "pgbouncer.key", "nobody")
        yield path


@asynccontextmanager
async def encrypted(url: str, folder: Path, mode: str, login: str = "") -> AsyncIterator[str]:
    """Yield the beginning of URLs that lead over TLS to the database at `url`."""
    port = free_port()
    key = "pgbouncer.key" if os.getuid() == 0 else "server.key"
    settings = f"""
        listen_addr = 127.0.0.1
        client_tls_sslmode = {mode}
        client_tls_cert_file = {folder}/server.pem
        client_tls_key_file = {folder}/{key}
        client_tls_ca_file = {folder}/authority.pem
    """
    async with pgbouncer(url, "session", settings, port=port) as inner:
        name = inner.partition("?")[0].rpartition("/")[2]
        yield f"postgresql://postgres{login}@HOST:{port}/{name}"


async def said_of(url: str) -> str:
    """Return what is wrong with it, or that it works."""
    async with Database(Settings(database_url=SecretStr(url))) as database:
        try:
            await fetch(database, "SELECT 1")
        except (ConfigurationError, DatabaseUnavailableError) as error:
            return str(error)
    return "works"


@pytest.mark.parametrize(
    ("host", "query", "says"),
    [
        ("localhost", "", "works"),
        ("localhost", "sslmode=prefer", "works"),
        ("localhost", "sslmode=allow", "works"),
        ("localhost", "sslmode=disable", "SSL required"),
        ("127.0.0.1", "sslmode=require", "works"),
        ("127.0.0.1", "ssl=true", "works"),
        ("127.0.0.1", "sslmode=no-verify", "works"),
        ("127.0.0.1", "sslmode=verify-ca&sslrootcert=AUTHORITY", "works"),
        ("localhost", "sslmode=verify-full&sslrootcert=AUTHORITY", "works"),
        ("127.0.0.1", "sslmode=verify-full&sslrootcert=AUTHORITY", "IP address mismatch"),
        ("localhost", "sslmode=verify-ca&sslrootcert=OTHER", "certificate verify failed"),
        ("localhost", "sslmode=require&sslrootcert=OTHER", "certificate verify failed"),
        ("localhost", "sslmode=verify-full&sslrootcert=system", "certificate verify failed"),
        ("localhost", "sslmode=verify-full", "name the file of its authority with sslrootcert"),
    ],
)
async def test_each_mode(
    empty_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, host: str, query: str, says: str
) -> None:
    monkeypatch.setenv("HOME", str(folder))  # where libpq's files would be
    query = query.replace("AUTHORITY", f"{folder}/authority.pem").replace(
        "OTHER", f"{folder}/other.pem"
    )
    async with encrypted(empty_url, folder, "require") as url:
        assert says in await said_of(f"{url.replace('HOST', host)}?{query}")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("sslcert=F/client.pem&sslkey=F/client.key", "works"),
        ("sslcert=F/stranger.pem&sslkey=F/stranger.key", REFUSED),
        ("", REFUSED),
    ],
)
async def test_a_server_that_wants_a_certificate(
    empty_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, query: str, says: str
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    async with encrypted(empty_url, folder, "verify-ca") as url:
        address = url.replace("HOST", "localhost")
        query = query.replace("F/", f"{folder}/")
        assert re.search(says, await said_of(f"{address}?sslmode=require&{query}"))


async def test_a_server_without_tls(empty_url: str, folder: Path) -> None:
    async with encrypted(empty_url, folder, "disable") as url:
        address = url.replace("HOST", "127.0.0.1")
        for mode, says in {
            "disable": "works",
            "allow": "works",
            "prefer": "works",
            "require": "it does not speak TLS, which sslmode asks for",
            "verify-full": "it does not speak TLS, which sslmode asks for",
        }.items():
            query = f"sslmode={mode}&sslrootcert={folder}/authority.pem"
            assert says in await said_of(f"{address}?{query}")


@pytest.mark.parametrize(
    ("mode", "kind"), [("prefer", DatabaseUnavailableError), ("require", ConfigurationError)]
)
async def test_a_server_that_dies_instead_of_saying_whether_it_speaks_tls(
    mode: str, kind: type[Exception]
) -> None:
    """A crash elsewhere in PostgreSQL is told by a notice, which begins as its "no" does."""

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(b"N\0\0\0\x0eSWARNING\0\0")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(die, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = SecretStr(f"postgresql://kpi@127.0.0.1:{port}/kpi?sslmode={mode}")
        async with Database(Settings(database_url=url)) as database:
            with pytest.raises(kind):
                await database.backend()


async def test_what_a_handshake_was_refused_for_is_said_where_it_led_to_another_error() -> None:
    alert = ssl.SSLError(1, "alert")
    alert.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    said = r"refuses the TLS handshake \(tlsv13 alert certificate required\)"
    with pytest.raises(ConfigurationError, match=said), explained("KPI_DATABASE_URL"):
        raise ConnectionError("the connection was closed") from alert
