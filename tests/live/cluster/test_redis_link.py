"""What is wrong with Redis's URL, or with what it leads to, is said once and in words."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app.errors import ConfigurationError, MessagingUnavailableError
from app.live.cluster.redis_link import connect, explained
from app.settings import Settings
from tests.certificates import Authority
from tests.e2e.server_process import free_port
from tests.redis_server import redis_server
from tests.test_commands import start, url_of


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://:secret@host?foo=bar", "leave the parameter foo out of KPI_REDIS_URL"),
        ("redis://:sec#ret@host", "encode # as %23 in KPI_REDIS_URL"),
        ("redis://:sec/ret@host", "encode / as %2F in KPI_REDIS_URL"),
        ("redis://:sec@ret@host", "encode @ as %40 in KPI_REDIS_URL"),
        ("redis://:sec%ret@host", "encode % as %25 in KPI_REDIS_URL"),
        ("http://:secret@host", "must be such as redis://:password@host:6379/0"),
        ("host:6379", "must be such as redis://:password@host:6379/0"),
        ("redis://:secret@host:port", "is no URL such as redis://"),
        ("redis://:secret@host?socket_timeout=soon", "is no URL such as redis://"),
        ("rediss://:secret@host?ssl_cert_reqs=perhaps", "is no URL such as rediss?://"),
        ("rediss://:secret@host?ssl_ca_certs=/no/ca.pem", "/no/ca.pem, which cannot be read"),
        ("rediss://:secret@host?ssl_certfile=/no.pem", "/no.pem, which cannot be read"),
    ],
)
def test_a_url_that_can_never_work(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as raised:
        connect(url)
    assert "sec" not in str(raised.value)


async def said_of(url: str) -> str:
    client: Redis = connect(url)
    try:
        with pytest.raises(MessagingUnavailableError) as raised, explained():
            await client.ping()
    finally:
        await client.aclose()
    return str(raised.value)


async def test_a_password_that_is_wrong_or_missing() -> None:
    async with redis_server() as server, Redis.from_url(server.url) as admin:
        await admin.config_set("requirepass", "right")
        for login in ("", ":wrong@", "nobody:right@"):
            assert "refuses the user or password" in await said_of(f"unix://{login}{server.socket}")
        await admin.acl_setuser("guest", enabled=True, nopass=True, commands=["+get"])
        url = f"unix://guest:any@{server.socket}"
        assert "does not let this user do it" in await said_of(url)
        client = connect(f"unix://:right@{server.socket}")
        assert await client.ping()
        await client.aclose()


async def test_a_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("redis", "localhost", "127.0.0.1")
    port = free_port()
    async with redis_server(
        *("--tls-port", str(port), "--tls-cert-file", str(certificate)),
        *("--tls-key-file", str(key), "--tls-ca-cert-file", str(authority.certificate)),
        *("--tls-auth-clients", "no"),
    ):
        url = f"rediss://127.0.0.1:{port}"
        said = await said_of(url)
        assert "not trusted" in said
        assert "?ssl_ca_certs=/path/ca.pem" in said
        client = connect(f"{url}?ssl_ca_certs={authority.certificate}")
        assert await client.ping()
        await client.aclose()


async def made(admin: Redis) -> int:
    """Return how many connections the server has taken."""
    return int((await admin.info("stats"))["total_connections_received"])


async def test_a_refusal_is_said_once_and_tried_again_quietly(settings: Settings) -> None:
    """A gateway and a publisher each go on without Redis, and take it as soon as they may."""
    async with redis_server() as server, Redis.from_url(server.url) as admin:
        await admin.config_set("requirepass", "right")
        environment = {
            "KPI_REDIS_URL": f"unix://:later@{server.socket}",
            "KPI_DATABASE_URL": url_of(settings),
            "KPI_BIND": "127.0.0.1:0",
        }
        for command in ("serve", "publish"):
            process = await start(command, **environment)
            assert process.stderr is not None
            said = b""
            try:
                async with asyncio.timeout(30):
                    while b"refuses the user or password" not in said:
                        line = await process.stderr.readline()
                        assert line, said
                        said += line
                    before = await made(admin)
                    while await made(admin) < before + 3:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
            finally:
                process.terminate()
                said += (await process.communicate())[1]
            assert said.count(b"refuses the user or password") == 1, said
            assert b"mend KPI_REDIS_URL" in said
            assert b"Traceback" not in said


async def test_a_cancellation_wins_over_what_redis_makes_of_it() -> None:
    async def ask() -> None:
        with explained():
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise TimeoutError from None

    async with asyncio.timeout(20):
        asking = asyncio.create_task(ask())
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
    assert asking.cancelled()
