"""Requests and frames that no honest client sends: refused or ended, with nothing left behind."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import h11
import psutil
import pytest

from app.server.limits import Limits
from tests.server.clients import connected
from tests.server.stage import PREAMBLE, Stage, idle, running

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SHORT = Limits(
    header_timeout_seconds=0.3,
    keep_alive_seconds=0.3,
    send_timeout_seconds=0.5,
    half_closed_seconds=0.3,
)


@asynccontextmanager
async def nothing_left_behind(stage: Stage) -> AsyncIterator[None]:
    """See to it that connections, tasks and descriptors are where they were before."""
    before = (asyncio.all_tasks(), psutil.Process().num_fds())
    yield
    await stage.listeners(0)
    async with asyncio.timeout(20):
        while stage.metrics.connections_closed < stage.metrics.connections_opened:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await idle()
    assert (asyncio.all_tasks(), psutil.Process().num_fds()) == before


ODD_BODIES = {
    "nine chunks": b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 9 + b"0\r\n\r\n",
    "many chunks": b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 90 + b"0\r\n\r\n",
    "chunks without an end": b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 30,
    "a length": b"Content-Length: 20\r\n\r\n" + b"a" * 20,
    "a length and less": b"Content-Length: 20\r\n\r\n" + b"a" * 9,
    "a length and more": b"Content-Length: 2\r\n\r\n" + b"a" * 30,
    "length 0": b"Content-Length: 0\r\n\r\n",
    "half a head": b"X: y",
}


async def send_odd_bodies(stage: Stage, count: int, seed: int) -> None:
    """Send GETs with odd bodies, some left at once and some after the answer began."""
    odd = random.Random(seed)
    for number in range(count):
        path = odd.choice((b"/stream", b"/short", b"/nowhere", b"/offered"))
        method = odd.choice((b"GET", b"GET", b"HEAD", b"POST"))
        name = odd.choice(list(ODD_BODIES))
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(method + b" " + path + b" HTTP/1.1\r\nHost: x\r\n" + ODD_BODIES[name])
        if number % 3 == 0:
            with suppress(TimeoutError, ConnectionError):
                await asyncio.wait_for(reader.read(100), 0.02)
        if number % 2:
            writer.transport.abort()
        else:
            writer.close()


async def test_gets_with_odd_bodies_leave_nothing_behind(stage: Stage) -> None:
    async with running(stage, limits=SHORT), nothing_left_behind(stage):
        await send_odd_bodies(stage, 2000, seed=1)


@pytest.mark.parametrize("name", ["nine chunks", "many chunks", "a length", "length 0"])
@pytest.mark.parametrize("path", ["/short", "/nowhere", "/offered"])
async def test_a_body_that_nobody_asked_for_does_not_end_keep_alive(
    stage: Stage, name: str, path: str
) -> None:
    async with running(stage), connected(stage.port) as client:
        for _ in range(3):
            request = b"GET %b HTTP/1.1\r\nHost: x\r\n" % path.encode()
            client.writer.write(request + ODD_BODIES[name])
            client.parser.send(h11.Request(method="GET", target=path, headers=[("Host", "x")]))
            client.parser.send(h11.EndOfMessage())
            assert isinstance(await client.event(), h11.Response)
            await client.rest()
            client.parser.start_next_cycle()


async def test_a_get_with_a_body_is_offered_nothing(stage: Stage) -> None:
    async with running(stage):
        for name in ("nine chunks", "a length"):
            async with connected(stage.port) as client:
                client.writer.write(b"GET /offered HTTP/1.1\r\nHost: x\r\n" + ODD_BODIES[name])
                assert b"x-offered: no" in (await client.reader.readuntil(b"\r\n\r\n")).lower()


@pytest.mark.parametrize(
    ("version", "target", "extra", "status"),
    [
        ("1.1", "/short?" + "x" * 40_000, "", 414),
        ("1.1", "/short", f"X: {'x' * 70_000}\r\n", 431),
        ("1.1", "/short", f"X: {'x' * 200_000}\r\n", 431),
        ("9.9", "/short", "", 505),
        ("2.0", "/short", "", 505),
        ("0.9", "/short", "", 505),
        ("1.1", "/short", "Transfer-Encoding: gzip\r\n", 501),
        ("1.1", "/short", "Content-Length: x\r\n", 400),
    ],
)
async def test_a_head_that_is_refused_is_a_problem(
    stage: Stage, version: str, target: str, extra: str, status: int
) -> None:
    async with running(stage), nothing_left_behind(stage), connected(stage.port) as client:
        client.writer.write(f"GET {target} HTTP/{version}\r\nHost: x\r\n{extra}\r\n".encode())
        client.parser.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
        client.parser.send(h11.EndOfMessage())
        head = await client.event()
        assert isinstance(head, h11.Response)
        assert (head.status_code, dict(head.headers)[b"content-type"]) == (
            status,
            b"application/problem+json",
        )
        problem = json.loads(await client.rest())
        assert problem["status"] == status
        assert problem["detail"]


async def test_a_version_that_is_not_spoken_is_refused_behind_another_request(
    stage: Stage,
) -> None:
    async with running(stage), nothing_left_behind(stage), connected(stage.port) as client:
        request = b"GET /short HTTP/%b\r\nHost: x\r\n\r\n"
        client.writer.write(request % b"1.1" + request % b"9.9")
        answers = await client.reader.read()
        assert answers.startswith(b"HTTP/1.1 200")
        assert b"short" in answers
        assert b"HTTP/1.1 505" in answers


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET",
        PREFACE,
        PREFACE + b"\0\0\0\4\0\0\0\0\0",
        b"GET /short HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"GET /short HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        b"GET /short HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /short HTTP/1.1\r\nHost: x\r\n\r\nGET /sh",
    ],
    ids=["nothing", "a word", "preface", "settings", "bad websocket", "websocket", "used", "next"],
)
@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
async def test_a_connection_on_which_nothing_is_asked_is_closed(
    stage: Stage, sent: bytes, *, http2: bool
) -> None:
    async with (
        running(stage, limits=SHORT, http2=http2),
        nothing_left_behind(stage),
        connected(stage.port) as client,
    ):
        client.writer.write(sent)
        async with asyncio.timeout(5):
            await client.reader.read()


@pytest.mark.parametrize("path", ["/short", "/stream"])
async def test_a_client_that_closes_its_side_is_answered(stage: Stage, path: str) -> None:
    async with running(stage), nothing_left_behind(stage), connected(stage.port) as client:
        client.writer.write(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
        client.writer.write_eof()
        answer = await client.reader.read()
        assert answer.startswith(b"HTTP/1.1 200")
        assert (PREAMBLE if path == "/stream" else b"short") in answer


async def test_requests_that_were_all_sent_before_the_end_are_all_answered(stage: Stage) -> None:
    async with running(stage), nothing_left_behind(stage), connected(stage.port) as client:
        client.writer.write(b"GET /short HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        client.writer.write_eof()
        assert (await client.reader.read()).count(b"short") == 3


async def test_connections_beyond_the_limit_take_the_place_of_idle_ones(stage: Stage) -> None:
    async with (
        running(stage, limits=Limits(max_connections=3)),
        connected(stage.port) as streaming,
        connected(stage.port) as first,
    ):
        await streaming.get("/stream")
        await stage.listeners(1)
        await first.get("/short")
        assert await first.rest() == b"short"
        async with connected(stage.port) as second, connected(stage.port) as third:
            await second.get("/stream")
            await third.get("/short")
            with suppress(ConnectionError):
                assert await first.reader.read() == b""
            assert await third.rest() == b"short"
            stage.deliver(b"one")
            await streaming.body(len(PREAMBLE) + 11)
            assert stage.metrics.connections_displaced == 1


async def test_where_all_connections_are_streams_no_more_are_taken(stage: Stage) -> None:
    async with running(stage, limits=Limits(max_connections=2)):
        async with connected(stage.port) as one, connected(stage.port) as two:
            await one.get("/stream")
            await two.get("/stream")
            await stage.listeners(2)
            async with connected(stage.port) as three:
                with suppress(ConnectionError):
                    three.writer.write(b"GET /short HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert await three.reader.read() == b""
            assert stage.metrics.connections_refused == 1
        await stage.listeners(0)
        async with connected(stage.port) as again:
            await again.get("/short")
