"""Services, password files and PG variables are taken as psql takes them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from app.data.address import parse_address
from app.data.database import Database
from app.errors import ConfigurationError
from app.settings import Settings
from tests.world import fetch


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PGSERVICE", "PGSERVICEFILE", "PGPASSFILE", "PGPASSWORD", "PGHOST", "PGUSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("url", ["postgresql://?service=own", "postgresql:///?service=own", None])
async def test_a_service_leads_to_the_server(
    url: str | None, database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = urlsplit(database_url)
    said = {
        "user": parts.username,
        "dbname": parts.path[1:],
        "host": parts.hostname,
        "port": parts.port,
        **{name: values[-1] for name, values in parse_qs(parts.query).items()},
        "keepalives": "1",
        "application_name": "own",
    }
    lines = [f"{name}={value}" for name, value in said.items() if value]
    (home / ".pg_service.conf").write_text("\n".join(["[own]", *lines]))
    if url is None:
        url = "postgresql:///"
        monkeypatch.setenv("PGSERVICE", "own")
    async with Database(Settings(database_url=SecretStr(url))) as database:
        assert (await fetch(database, "SHOW application_name"))[0][0] == "own"


async def test_pg_variables_lead_to_the_server(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = urlsplit(database_url)
    query = parse_qs(parts.query)
    monkeypatch.setenv("PGHOST", (query.get("host") or [parts.hostname or ""])[-1])
    monkeypatch.setenv("PGPORT", (query.get("port") or [str(parts.port or 5432)])[-1])
    monkeypatch.setenv("PGUSER", parts.username or "")
    monkeypatch.setenv("PGDATABASE", parts.path[1:])
    async with Database(Settings(database_url=SecretStr("postgresql:///"))) as database:
        assert (await fetch(database, "SELECT current_database()"))[0][0] == parts.path[1:]


def test_the_url_says_more_than_the_service(home: Path) -> None:
    (home / ".pg_service.conf").write_text("[own]\nhost=there\nport=1\nuser=u\nsslmode=require\n")
    (dsn,) = parse_address("postgresql://me@here:2/db?service=own&sslmode=disable").dsns
    assert dsn == "postgresql://me@here:2/db?sslmode=disable"


def test_a_service_that_is_nowhere_is_named(home: Path) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(f"no section [own] in {home}")):
        parse_address("postgresql://?service=own")
    (home / ".pg_service.conf").write_text("host=secret")
    with pytest.raises(ConfigurationError, match=r"cannot be read: it is no service file$"):
        parse_address("postgresql://?service=own")


@pytest.mark.parametrize(
    "url",
    ["postgresql://me@here:6432/db", "postgresql://me@/db?host=here&port=6432"],
)
def test_a_password_with_escapes_is_read_as_libpq_reads_it(home: Path, url: str) -> None:
    file = home / ".pgpass"
    file.write_text("# all\nhere:1:db:me:other\\:one\nhere:6432:*:me:a\\:b\\\\c\n")
    file.chmod(0o600)
    (dsn,) = parse_address(url).dsns
    assert parse_qs(urlsplit(dsn).query)["password"] == ["a:b\\c"]
    (dsn,) = parse_address(url.replace("me@", "me:own@")).dsns
    assert "password=" not in dsn
