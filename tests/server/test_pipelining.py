"""Bytes that a client sends before it has its answer, or during a stream."""

from __future__ import annotations

import asyncio

import h11
import pytest

from tests.server.clients import connected
from tests.server.leftovers import leftovers, tasks
from tests.server.stage import PREAMBLE, Stage, idle, running


async def test_a_pipelined_request_ends_the_stream_and_is_answered(stage: Stage) -> None:
    async with running(stage), connected(stage.port) as client:
        request = b"GET /%b HTTP/1.1\r\nHost: localhost\r\n\r\n"
        client.writer.write(request % b"stream" + request % b"short")
        for body in (PREAMBLE, b"short"):
            client.parser.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
            client.parser.send(h11.EndOfMessage())
            assert isinstance(await client.event(), h11.Response)
            assert await client.rest() == body
            client.parser.start_next_cycle()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\nGET /short HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /short HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /short HTTP/1.1\r\n",
        b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /short HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\nGET /stream HTTP/1.1\r\nHost: x\r\n\r\n" * 2,
        b"GET /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n",
    ],
    ids=["behind-an-endless-one", "after-close", "behind-a-slow-one", "streams", "behind-a-body"],
)
async def test_pipelining_leaks_no_task(stage: Stage, request_bytes: bytes) -> None:
    async with running(stage):
        before = await tasks()
        for _ in range(5):
            async with connected(stage.port) as client:
                client.writer.write(request_bytes)
                if b"slow" in request_bytes:
                    await stage.held.wait()
                else:
                    await client.reader.readuntil(b"\r\n\r\n")
        stage.hold.set()
        await stage.listeners(0)
        async with asyncio.timeout(5):
            await idle()
        assert await tasks() == before
        assert await leftovers() == []


async def test_a_client_that_sends_more_during_a_stream_is_cut_off(stage: Stage) -> None:
    async with running(stage), connected(stage.port) as client:
        await client.get("/stream")
        await stage.listeners(1)
        client.writer.write(b"GET /short HTTP/1.1\r\n\r\n")
        await stage.listeners(0)
