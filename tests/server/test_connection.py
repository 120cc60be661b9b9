"""Bounds on connections that are not streams."""

from __future__ import annotations

import asyncio
import socket
import struct
import time

import pytest

from app.bind import Bind
from app.server.limits import Limits
from app.server.sockets import listening
from tests.server.clients import connected
from tests.server.stage import PREAMBLE, Stage, idle, running

HURRIED = Limits(header_timeout_seconds=0.3, keep_alive_seconds=0.3)


async def test_a_request_head_that_comes_byte_by_byte_times_out(stage: Stage) -> None:
    async with running(stage, limits=HURRIED), connected(stage.port) as client:
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


async def test_an_idle_connection_is_closed_and_a_stream_is_not(stage: Stage) -> None:
    async with (
        running(stage, limits=HURRIED),
        connected(stage.port) as streaming,
        connected(stage.port) as silent,
    ):
        await streaming.get("/stream")
        await stage.listeners(1)
        assert await silent.reader.read() == b""
        await asyncio.sleep(0.3)  # longer than a request's head may take
        stage.deliver(b"one")
        assert await streaming.body(len(PREAMBLE) + 11) == PREAMBLE + b"data: one\n\n"


async def test_a_long_cursor_is_accepted_and_an_endless_head_refused(stage: Stage) -> None:
    async with running(stage):
        for size, status in ((60_000, 200), (200_000, 431)):
            async with connected(stage.port) as client:
                request = b"GET /short HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: %b\r\n\r\n"
                head = request % (b"x" * size)
                client.writer.write(head[:30_000])
                await asyncio.sleep(0.05)  # so that it is read in two pieces
                client.writer.write(head[30_000:])
                line = await client.reader.readline()
                assert line.split()[1] == b"%d" % status


async def test_a_large_answer_waits_for_its_reader(stage: Stage) -> None:
    async with running(stage), connected(stage.port, receive_buffer=4096) as client:
        await client.get("/large")
        assert len(await client.rest()) == 8_000_000


async def test_a_client_that_leaves_during_a_large_answer_leaves_no_task(stage: Stage) -> None:
    async with running(stage):
        async with connected(stage.port, receive_buffer=4096) as client:
            await client.get("/large")
        await idle()


async def test_a_client_that_leaves_after_its_answer_leaves_no_task(stage: Stage) -> None:
    async with running(stage):
        began = time.monotonic()
        for _ in range(10):
            async with connected(stage.port) as client:
                await client.get("/short")
                assert await client.rest() == b"short"
        await idle()
        assert time.monotonic() - began < 1


async def test_a_client_that_leaves_cancels_its_request(stage: Stage) -> None:
    async with running(stage):
        async with connected(stage.port) as client:
            client.writer.write(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await stage.held.wait()
        await idle()
        assert stage.log == ["startup"]


async def test_head_and_first_body_are_one_segment(stage: Stage) -> None:
    async with running(stage), connected(stage.port) as client:
        await client.get("/stream")
        await stage.listeners(1)
        information = client.writer.get_extra_info("socket").getsockopt(
            socket.IPPROTO_TCP, socket.TCP_INFO, 256
        )
        segments_with_data = struct.unpack_from("I", information, 152)
        assert segments_with_data == (1,)


async def test_a_slow_client_slows_its_request_down(stage: Stage) -> None:
    async with running(stage), connected(stage.port, receive_buffer=4096) as client:
        await client.get("/endless")
        await asyncio.sleep(0.2)  # time in which to make thousands
        made = stage.pieces
        await asyncio.sleep(0.1)
        assert stage.pieces == made < 200
    await stage.listeners(0)


async def test_reading_stops_while_a_request_is_answered(stage: Stage) -> None:
    async with running(stage), connected(stage.port) as client:
        client.writer.write(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await stage.held.wait()
        client.writer.write(bytes(64_000_000))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.writer.drain(), 1)
        # What has left us is in the kernel's two buffers.
        assert 64_000_000 - client.writer.transport.get_write_buffer_size() < 12_000_000
        stage.hold.set()


async def test_accepted_sockets_have_a_user_timeout() -> None:
    with listening(Bind("127.0.0.1", 0), send_timeout_seconds=7) as (sock, bind):
        sock.listen()
        loop = asyncio.get_running_loop()
        _, writer = await asyncio.open_connection(bind.host, bind.port)
        accepted, _ = await loop.sock_accept(sock)
        with accepted:
            option = (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert accepted.getsockopt(*option) == 7000
        writer.transport.abort()


async def test_a_stream_keeps_little_in_the_kernel(stage: Stage) -> None:
    async with running(stage), connected(stage.port) as client:
        await client.get("/stream")
        await stage.listeners(1)
        (subscriber,) = stage.group.members
        sock = subscriber._transport.get_extra_info("socket")  # type: ignore[attr-defined]
        # Linux doubles what it is asked for, for its own book-keeping.
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 32_768
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
