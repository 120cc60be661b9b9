"""Limits by address and subject over real sockets, and the admin's own address."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack

import httpx
import pytest
from pydantic import SecretStr

from app.errors import ConfigurationError
from app.gateway import open_front, run_gateway
from app.server.stopping import Stop
from app.settings import Settings
from tests.access.signing import SECRET, sign
from tests.e2e.server_process import free_port
from tests.http.conftest import NOON, write
from tests.http.credentials import JWT, bearer
from tests.running import Gateway, open_gateway, until
from tests.stream_client import open_stream

TARGET = "/kpi/sales/stream"


async def refused(gateway: Gateway, headers: dict[str, str]) -> str:
    async with open_stream(gateway.port, TARGET, headers) as stream:
        assert stream.status == 200
        assert await stream.rest() == []
        assert stream.sse.retry_milliseconds is not None
        (comment,) = stream.sse.comments
        return comment


async def opened(gateway: Gateway, headers: dict[str, str], stack: AsyncExitStack) -> None:
    stream = await stack.enter_async_context(open_stream(gateway.port, TARGET, headers))
    await stream.event("snapshot")


async def test_streams_of_an_address_are_limited(shadowed_settings: Settings) -> None:
    changes = {"max_streams_per_address": 2, "trusted_proxies": "127.0.0.0/8"}
    async with open_gateway(shadowed_settings.model_copy(update=changes)) as gateway:
        await gateway.hand.set(NOON)
        await write(gateway, "sales", NOON - 60, 1.0)
        async with AsyncExitStack() as stack:
            near, far = ({"X-Forwarded-For": a} for a in ("192.0.2.1", "192.0.2.2"))
            for _ in range(2):
                await opened(gateway, near, stack)
            assert "KPI_MAX_STREAMS_PER_ADDRESS" in await refused(gateway, near)
            await opened(gateway, far, stack)
            assert gateway.service.metrics.streams_refused == 1
        await until(lambda: gateway.service.hub.listeners == 0)
        async with AsyncExitStack() as stack:
            for _ in range(2):
                await opened(gateway, near, stack)
        # Of a herd exactly as many get in as may.
        outcomes = await asyncio.gather(*(_attempt(gateway, near) for _ in range(10)))
        assert sorted(outcomes) == [False] * 8 + [True] * 2


async def _attempt(gateway: Gateway, headers: dict[str, str]) -> bool:
    async with open_stream(gateway.port, TARGET, headers) as stream:
        try:
            await stream.event("snapshot")
        except EOFError:
            return False
        await until(lambda: gateway.service.metrics.streams_refused >= 9)
        return True


async def test_streams_of_a_subject_are_limited(shadowed_settings: Settings) -> None:
    changes = {"auth": "jwt", "jwt_key": SecretStr(SECRET), "max_streams_per_subject": 1}
    async with open_gateway(shadowed_settings.model_copy(update=changes)) as gateway:
        await gateway.hand.set(NOON)
        await write(gateway, "sales", NOON - 60, 1.0)
        alice, bob = (
            {"Authorization": f"Bearer {sign(sub=name, aud=None)}"} for name in ("alice", "bob")
        )
        async with AsyncExitStack() as stack:
            await opened(gateway, alice, stack)
            await opened(gateway, bob, stack)
            assert "KPI_MAX_STREAMS_PER_SUBJECT" in await refused(gateway, alice)


AROUND_SUBJECT: dict[str, Callable[[int], str]] = {
    "several tokens": lambda n: sign(sub="alice", jti=str(n)),
    "no subject": lambda n: sign(sub=None, jti=str(n)),
    "an empty subject": lambda n: sign(sub="", jti=str(n)),
}
AROUND_ADDRESS: dict[str, Callable[[int], dict[str, str]]] = {
    "a network of its own": lambda n: {"X-Forwarded-For": f"2001:db8::{n + 1:x}"},
    "forms of one address": lambda n: {
        "X-Forwarded-For": ["::ffff:1.2.3.4", "1.2.3.4:99", "[::ffff:1.2.3.4]:80"][n]
    },
    "a made-up chain": lambda n: {"X-Forwarded-For": f"9.9.9.{n}, 1.2.3.4"},
    "the header that the proxy passes on": lambda n: {
        "X-Forwarded-For": "1.2.3.4",
        "Forwarded": f"for=9.9.9.{n}",
    },
    "no address": lambda n: {"X-Forwarded-For": f"unknown{n}"},
}


@pytest.mark.parametrize("name", [*AROUND_SUBJECT, *AROUND_ADDRESS])
async def test_nobody_gets_around_the_limits(name: str, shadowed_settings: Settings) -> None:
    changes = JWT | {
        "max_streams_per_subject": 2,
        "max_streams_per_address": 2,
        "trusted_proxies": "127.0.0.0/8",
    }

    def headers(number: int) -> dict[str, str]:
        if name in AROUND_SUBJECT:
            elsewhere = {"X-Forwarded-For": f"192.0.2.{number}"}
            return bearer(AROUND_SUBJECT[name](number)) | elsewhere
        return bearer(sign(sub=f"user {number}")) | AROUND_ADDRESS[name](number)

    async with open_gateway(shadowed_settings.model_copy(update=changes)) as gateway:
        await gateway.hand.set(NOON)
        await write(gateway, "sales", NOON - 60, 1.0)
        async with AsyncExitStack() as stack:
            for number in range(2):
                await opened(gateway, headers(number), stack)
            limit = "SUBJECT" if name in AROUND_SUBJECT else "ADDRESS"
            assert f"KPI_MAX_STREAMS_PER_{limit}" in await refused(gateway, headers(2))


async def test_requests_a_second_are_limited(shadowed_settings: Settings) -> None:
    changes = {"max_requests_per_second": 0.5}
    async with open_gateway(shadowed_settings.model_copy(update=changes)) as gateway:
        await gateway.hand.set(NOON)
        await write(gateway, "sales", NOON - 60, 1.0)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
            seen = [(await client.get("/kpi")).status_code for _ in range(7)]
            assert seen == [200] * 5 + [429] * 2
            problem = await client.get("/nothing")
            assert problem.status_code == 429
            assert int(problem.headers["retry-after"]) in (1, 2)
            assert problem.json()["title"] == "Too many requests"
            assert (await client.get("/livez")).status_code == 200
        assert "KPI_MAX_REQUESTS_PER_SECOND" in await refused(gateway, {})
        assert gateway.service.metrics.requests_limited == 4


async def test_counts_and_readiness_have_an_address_of_their_own(settings: Settings) -> None:
    port, admin = free_port(), free_port()
    changes = {"bind": f"127.0.0.1:{port}", "admin_bind": f"127.0.0.1:{admin}"}
    ours = settings.model_copy(update=changes)
    stop, started = Stop(), asyncio.Event()
    with open_front(ours) as front:
        async with asyncio.TaskGroup() as group:
            group.create_task(run_gateway(ours, front, stop, started=started.set))
            async with asyncio.timeout(20):
                await started.wait()
            async with httpx.AsyncClient() as client:
                for path in ("livez", "readyz", "metrics"):
                    answer = await client.get(f"http://127.0.0.1:{admin}/{path}")
                    assert answer.status_code == 200
                for path, status in (("livez", 200), ("readyz", 404), ("metrics", 404)):
                    answer = await client.get(f"http://127.0.0.1:{port}/{path}")
                    assert answer.status_code == status
                assert (await client.get(f"http://127.0.0.1:{admin}/kpi")).status_code == 404
            stop.request()


async def test_a_taken_admin_port_is_called_by_its_setting(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        admin = f"127.0.0.1:{taken.getsockname()[1]}"
        ours = settings.model_copy(update={"bind": "127.0.0.1:0", "admin_bind": admin})
        with open_front(ours) as front, pytest.raises((ConfigurationError, ExceptionGroup)) as end:
            await run_gateway(ours, front, Stop(), started=lambda: None)
    refused: BaseException = end.value
    while isinstance(refused, ExceptionGroup):
        (refused,) = refused.exceptions
    reason = "Address already in use"
    assert str(refused) == f"KPI_ADMIN_BIND: cannot listen on {admin}: {reason}"


@pytest.mark.parametrize("text", ["9000", "nowhere", "127.0.0.1:99999"])
def test_what_is_no_admin_address(text: str) -> None:
    with pytest.raises(ValueError, match="admin_bind"):
        Settings(admin_bind=text)
