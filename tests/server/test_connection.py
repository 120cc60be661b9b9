"""Bounds on connections that are not streams."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from app.server.hypercorn_contract import Config
from app.server.listening import configure, listen
from app.settings import Settings
from tests.server.clients import connected
from tests.server.stage import PREAMBLE, Stage, idle, running


def hurried() -> Config:
    config = configure(Settings(bind="127.0.0.1:0"))
    config.keep_alive_timeout = 0.3
    return config


async def test_a_head_that_comes_drop_by_drop_is_cut_off(stage: Stage) -> None:
    async with running(stage, configured=hurried()), connected(stage.port) as client:
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            for byte in b"GET /short HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 10_000:
                client.writer.write(bytes((byte,)))
                await client.writer.drain()
                await asyncio.sleep(0.01)  # a drop
                if client.reader.at_eof():
                    raise ConnectionError
        assert time.monotonic() - began < 1
        await idle()


async def test_a_silent_connection_is_cut_off_and_a_stream_is_not(stage: Stage) -> None:
    async with (
        running(stage, configured=hurried()),
        connected(stage.port) as streaming,
        connected(stage.port) as silent,
    ):
        await streaming.get("/stream")
        await stage.listeners(1)
        assert await silent.reader.read() == b""
        await asyncio.sleep(0.3)  # longer than a request's head may take
        stage.deliver(b"one")
        assert await streaming.body(len(PREAMBLE) + 11) == PREAMBLE + b"data: one\n\n"


async def test_a_long_cursor_is_taken_and_a_head_without_end_refused(stage: Stage) -> None:
    async with running(stage):
        for size, status in ((60_000, 200), (200_000, 431)):
            async with connected(stage.port) as client:
                request = b"GET /short HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: %b\r\n\r\n"
                client.writer.write(request % (b"x" * size))
                line = await client.reader.readline()
                assert line.split()[1] == b"%d" % status


async def test_a_large_answer_waits_for_its_reader(stage: Stage) -> None:
    async with running(stage), connected(stage.port, receive_buffer=4096) as client:
        await client.get("/large")
        assert len(await client.rest()) == 8_000_000


async def test_who_leaves_a_large_answer_unread_leaves_nothing_behind(stage: Stage) -> None:
    async with running(stage):
        async with connected(stage.port, receive_buffer=4096) as client:
            await client.get("/large")
        await idle()


async def test_who_leaves_after_an_answer_leaves_nothing_behind(stage: Stage) -> None:
    async with running(stage):
        began = time.monotonic()
        for _ in range(10):
            async with connected(stage.port) as client:
                await client.get("/short")
                assert await client.rest() == b"short"
        await idle()
        assert time.monotonic() - began < 1


async def test_head_and_body_leave_together(stage: Stage) -> None:
    async with running(stage), connected(stage.port) as client:
        client.writer.write(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        first = await client.reader.read(65_536)
        assert first.startswith(b"HTTP/1.1 200")
        assert PREAMBLE in first


async def test_accepted_sockets_give_up_on_silent_peers() -> None:
    sockets = listen(configure(Settings(bind="127.0.0.1:0")), send_timeout_seconds=7)
    (listening,) = sockets.insecure_sockets
    with listening:
        listening.listen()
        loop = asyncio.get_running_loop()
        _, writer = await asyncio.open_connection(*listening.getsockname())
        accepted, _ = await loop.sock_accept(listening)
        with accepted:
            option = (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert accepted.getsockopt(*option) == 7000
        writer.transport.abort()


async def test_a_stream_keeps_little_in_the_kernel(stage: Stage) -> None:
    async with running(stage), connected(stage.port) as client:
        await client.get("/stream")
        await stage.listeners(1)
        (subscriber,) = stage.audience.members
        sock = subscriber._transport.get_extra_info("socket")  # type: ignore[attr-defined]
        # Linux doubles what it is asked for, for its own book-keeping.
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 32_768
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
