"""URLs as people have them: accepted, mapped, or refused without showing any of a password."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from app.data.address import parse_address
from app.data.database import Database
from app.errors import ConfigurationError
from app.settings import Settings
from tests.world import fetch


@pytest.mark.parametrize("character", "#/@?%[]")
def test_a_password_with_a_character_of_urls(character: str) -> None:
    url = f"postgresql://user:sec{character}ret@127.0.0.1:5432/db"
    with pytest.raises(ConfigurationError) as raised:
        parse_address(url)
    said = str(raised.value)
    assert f"encode {character} as %{ord(character):02X} in KPI_DATABASE_URL" in said
    assert "sec" not in said
    assert "ret@" not in said
    assert parse_address(url.replace(f"sec{character}", f"sec%{ord(character):02X}"))


@pytest.mark.parametrize(("first", "second"), list(permutations("#/@?%[]", 2)))
def test_a_password_with_two_characters_of_urls(first: str, second: str) -> None:
    """Each is told in its turn, whatever the other makes of the rest of the URL."""
    password = ["sec", first, "r", second, "et"]
    for _ in range(2):
        with pytest.raises(
            ConfigurationError, match=r"encode . as %.. in KPI_DATABASE_URL"
        ) as told:
            parse_address(f"postgresql://user:{''.join(password)}@127.0.0.1:5432/db")
        named = str(told.value)[len("encode ")]
        password = [f"%{ord(named):02X}" if part == named else part for part in password]
    assert parse_address(f"postgresql://user:{''.join(password)}@127.0.0.1:5432/db")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:12/34@host/db",
        "postgresql://user:12?34@host/db",
        "postgresql://user:12#34@host/db",
        "postgresql://u:p:a@ss@host/db",
        "postgresql://u:100%@host/db",
        "postgresql://u:100%zz@host/db",
    ],
)
def test_a_password_that_looks_like_something_else(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"encode . as %.. in KPI_READ_DATABASE_URL"):
        parse_address(url, "KPI_READ_DATABASE_URL")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://u:secret@host/db", "must begin with postgresql://"),
        ("host=h user=u password=secret", "must begin with postgresql://"),
        ("jdbc:postgresql://host/db?password=secret", "must begin with postgresql://"),
        ("'postgresql://u:secret@host/db'", "must begin with postgresql://"),
        ("postgresql://u:secret@host:http/db", "a port in KPI_DATABASE_URL is no number"),
        ("postgresql://u:secret@host:99999/db", "a port in KPI_DATABASE_URL is no number"),
        ("postgresql://u:secret@h1:5432,h2:x/db", "a port in KPI_DATABASE_URL is no number"),
        ("postgresql://u:secret@host/db?port=x", "a port in KPI_DATABASE_URL is no number"),
        ("postgresql://u:secret@h/db?sslmode=always", "sslmode in KPI_DATABASE_URL must be one of"),
        ("postgresql://u:secret@h/db?connect_timeout=soon", "must be seconds"),
        ("postgresql://u:secret@h/db?options=-c%20x", "must be such as -c search_path=kpi"),
        ("postgresql://u:secret@h/db?require_auth=md5", "leave require_auth out"),
        ("postgresql://u:secret@h/db?hostaddr=10.0.0.1", "leave hostaddr out"),
        ("postgresql://u:secret@h/db?sslrootcert=/no/such", "names /no/such, which cannot be read"),
        ("postgresql://u:secret@h/db?sslrootcert=system&sslmode=require", "verify-full"),
        ("postgresql://u:secret@h/db?options='", "is no URL such as"),
    ],
)
def test_what_cannot_be(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_address(url)
    assert words in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    wrong = tmp_path / "root.crt"
    wrong.write_text("no certificate")
    with pytest.raises(ConfigurationError, match="which is of no use"):
        parse_address(f"postgresql://u@h/db?sslmode=verify-ca&sslrootcert={wrong}")


def test_what_hosters_and_other_drivers_write() -> None:
    neon = parse_address(
        "postgresql://u:p@ep-x-pooler.eu.aws.neon.tech/neondb?sslmode=require"
        "&channel_binding=require&options=endpoint%3Dep-x"
    )
    assert neon.options == "endpoint=ep-x"
    assert parse_qs(urlsplit(neon.dsns[0]).query) == {"sslmode": ["require"]}

    prisma = parse_address(
        "postgres://u:p@h:6543/db?pgbouncer=true&connection_limit=1&schema=kpi&pool_timeout=0"
    )
    assert prisma.pooler
    assert prisma.settings == {"search_path": "kpi"}
    assert urlsplit(prisma.dsns[0]).query == ""

    libpq = parse_address(
        "postgresql://u:p@h1:5432,h2:5433/db?target_session_attrs=read-write&connect_timeout=3"
        "&keepalives=1&keepalives_idle=30&tcp_user_timeout=5&gssencmode=disable"
        "&options=-c%20search_path%3Dkpi,public%20--work_mem=8MB&foo="
    )
    assert libpq.connect_seconds == 3.0
    assert libpq.settings == {"search_path": "kpi,public", "work_mem": "8MB"}
    assert urlsplit(libpq.dsns[0]).netloc == "u:p@h1:5432,h2:5433"

    sqlalchemy = parse_address("postgresql+asyncpg://u:p@h/db?ssl=true&application_name=wall")
    assert sqlalchemy.dsns[0] == "postgresql://u:p@h/db?sslmode=require"
    assert sqlalchemy.settings == {"application_name": "wall"}
    assert parse_address("postgresql:///db?user=a@b&host=/run/postgresql").dsns
    assert parse_address("postgresql://u:p@[::1]:5432/db").dsns
    assert parse_address(" postgresql://u:p@h/db?sslrootcert=system ").tls is not None


def test_nothing_of_it_is_shown() -> None:
    assert "secret" not in repr(parse_address("postgresql://u:secret@h/db?password=secret"))


async def test_parameters_reach_the_server(settings: Settings) -> None:
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    url += "&application_name=wall&options=-c%20search_path%3Dkpi&statement_timeout=1&keepalives=0"
    async with Database(Settings(database_url=SecretStr(url))) as database:
        for name, value in {
            "application_name": "wall",
            "search_path": "kpi",
            "statement_timeout": "30s",
        }.items():
            assert (await fetch(database, f"SHOW {name}"))[0][0] == value
    async with Database(Settings(database_url=SecretStr(url + "&foo=bar"))) as database:
        with pytest.raises(ConfigurationError, match='parameter "foo"; leave it out of the URL'):
            await fetch(database, "SELECT 1")
