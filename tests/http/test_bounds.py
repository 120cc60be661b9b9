"""What nobody has to be known for costs little: slow bodies, endless ones, and probes."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import httpx
import psutil
import pytest
import quart

from app.settings import Settings
from tests.access.signing import sign
from tests.http.conftest import NOON, QueryCounter
from tests.http.credentials import JWT
from tests.http.test_hostile_requests import head, send
from tests.running import Gateway, open_gateway

WRITER = f"Authorization: Bearer {sign({'kpis': ['*'], 'write': ['*'], 'boards': 'write'})}"
MOST_BYTES = 48 * 1024 * 1024
"""What a process may grow by while 128 MB come that nobody wants."""


@pytest.mark.parametrize(
    ("method", "target"), [("POST", "/values"), ("POST", "/kpi/a/values"), ("PUT", "/boards/a")]
)
@pytest.mark.parametrize("lines", [["Content-Length: 9"], ["Transfer-Encoding: chunked"]])
async def test_a_body_that_does_not_come_is_not_waited_for(
    method: str,
    target: str,
    lines: list[str],
    shadowed_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = {**quart.Quart.default_config, "BODY_TIMEOUT": 0.3}
    monkeypatch.setattr(quart.Quart, "default_config", config)
    async with open_gateway(shadowed_settings.model_copy(update=JWT)) as gateway:
        await gateway.hand.set(NOON)
        more = [WRITER, "Content-Type: application/json", 'If-Match: "1"', *lines]
        async with asyncio.timeout(10):
            status, _ = await send(gateway.port, head(method, target, *more))
        assert status == 408
        async with asyncio.timeout(10):
            status, _ = await send(gateway.port, head(method, target, *lines))
        assert status == 401


@pytest.mark.parametrize(
    ("target", "authorised", "status"),
    [("/session", False, 401), ("/values", True, 413), ("/livez", False, 405)],
)
async def test_an_endless_body_is_neither_kept_nor_read_to_its_end(
    target: str, authorised: bool, status: int, guarded: Gateway
) -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    lines = ["Transfer-Encoding: chunked", *([WRITER] if authorised else [])]
    reader, writer = await asyncio.open_connection("127.0.0.1", guarded.port)
    writer.write(head("POST", target, *lines))
    with suppress(ConnectionError):
        for _ in range(2048):
            writer.write(b"10000\r\n" + b"a" * 65_536 + b"\r\n")
            await writer.drain()
    assert process.memory_info().rss - before < MOST_BYTES
    with suppress(ConnectionError):  # the answer is lost to whoever goes on sending
        assert int((await reader.read(20)).split()[1]) == status
    writer.close()


async def test_many_probes_at_once_are_few_to_the_database(
    gateway: Gateway, query_counter: QueryCounter
) -> None:
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client,
        query_counter() as counted,
    ):
        answers = await asyncio.gather(*(client.get("/readyz") for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert counted.statements < 50
