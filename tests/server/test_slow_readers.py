"""Readers that do not read: cut off and counted, at nobody else's expense."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from app.live.fanout import Group, Subscription
from app.live.subscriber import Payload, QueuedSubscriber
from app.metrics import Metrics
from app.server.limits import Limits
from app.server.socket_subscriber import Streams
from tests.server.clients import Http1, connected, connected_http2
from tests.server.stage import PREAMBLE, Stage, idle, running, trusting

EVENT = b"x" * 4000
SIZE = len(b"data: " + EVENT + b"\n\n")


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
async def test_a_full_buffer_cuts_off_its_reader_alone(
    stage: Stage, certificate: tuple[Path, Path], *, encrypted: bool
) -> None:
    tls = trusting(certificate[0]) if encrypted else None
    async with (
        running(
            stage,
            limits=Limits(buffer_bytes=65_536),
            certificate=certificate if encrypted else None,
        ),
        connected(stage.port, tls=tls, receive_buffer=4096) as stalled,
        connected(stage.port, tls=tls) as reading,
    ):
        stalled.writer.write(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reading.get("/stream")
        assert await reading.body(len(PREAMBLE)) == PREAMBLE
        await stage.listeners(2)
        sent = 0
        while len(stage.group.members) == 2:
            await stage.publish(EVENT)
            sent += 1
            assert await reading.body(SIZE) == b"data: " + EVENT + b"\n\n"
            # Its own bound, the kernel's two buffers, and what TLS keeps besides.
            assert sent * SIZE < 1_000_000
        assert stage.metrics.slow_readers_closed == 1
        await stage.publish(b"last")
        assert await reading.body(12) == b"data: last\n\n"


async def stall(stage: Stage, client: Http1) -> None:
    """Send until the client's bytes stay in the server's own buffer."""
    await client.get("/stream")
    await stage.listeners(1)
    (subscriber,) = stage.group.members
    for _ in range(64):
        if subscriber._transport.get_write_buffer_size() > 30_000:  # type: ignore[attr-defined]
            return
        stage.deliver(EVENT)
    pytest.fail("the kernel takes it all")


@pytest.mark.parametrize("sizes", [(400_000, 300_000, 50_000), (3_000_000, 3_000_000)])
async def test_a_fast_reader_gets_bursts_larger_than_the_buffer(
    stage: Stage, sizes: tuple[int, ...]
) -> None:
    async with running(stage), connected(stage.port) as client:
        await client.get("/stream")
        await stage.listeners(1)
        for size in sizes:  # as after an outage: one after the other, before anybody can read
            stage.deliver(b"x" * size)
        await client.body(len(PREAMBLE) + sum(sizes) + len(sizes) * len(b"data: \n\n"))
        assert stage.metrics.slow_readers_closed == 0


async def test_a_reader_that_takes_nothing_is_cut_off(stage: Stage) -> None:
    limits = Limits(send_timeout_seconds=0.2)
    async with (
        running(stage, limits=limits),
        connected(stage.port, receive_buffer=4096) as client,
    ):
        await stall(stage, client)
        await asyncio.sleep(0.1)  # until the kernel, too, takes no more
        stage.deliver(b"not yet")
        assert len(stage.group.members) == 1
        await asyncio.sleep(0.25)  # the time that it takes nothing
        stage.deliver(b"now")
        await stage.listeners(0)
        assert stage.metrics.slow_readers_closed == 1


async def test_a_slow_reader_that_takes_enough_is_kept(stage: Stage) -> None:
    limits = Limits(send_timeout_seconds=0.5)
    async with (
        running(stage, limits=limits),
        connected(stage.port, receive_buffer=4096) as client,
    ):
        await stall(stage, client)
        for _ in range(8):
            await client.reader.readexactly(8000)
            await asyncio.sleep(0.1)  # each pause is short, all together are too long
            stage.deliver(EVENT)
        assert len(stage.group.members) == 1
        assert stage.metrics.slow_readers_closed == 0


async def test_a_reader_of_one_byte_at_a_time_is_cut_off(stage: Stage) -> None:
    limits = Limits(send_timeout_seconds=0.3)
    async with (
        running(stage, limits=limits),
        connected(stage.port, receive_buffer=4096) as client,
    ):
        await stall(stage, client)
        async with asyncio.timeout(5):
            while stage.group.members:
                await client.reader.read(1)
                await asyncio.sleep(0.05)  # the pause between two bytes
                stage.deliver(b"x")
        assert stage.metrics.slow_readers_closed == 1


async def test_a_closed_stream_does_not_wait_for_its_reader_for_ever(
    stage: Stage,
) -> None:
    limits = Limits(send_timeout_seconds=0.2)
    async with (
        running(stage, limits=limits),
        connected(stage.port, receive_buffer=4096) as client,
    ):
        await stall(stage, client)
        (subscriber,) = stage.group.members
        subscriber.close()
        await stage.listeners(0)
        assert stage.metrics.slow_readers_closed == 1


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
@pytest.mark.parametrize("path", ["/large", "/endless"])
async def test_an_answer_that_nobody_reads_ends(stage: Stage, path: str, *, http2: bool) -> None:
    """Before a socket is detached, and where it never is, no reader is waited for without end."""
    limits = Limits(send_timeout_seconds=0.2)
    async with running(stage, limits=limits, http2=http2):
        before = asyncio.all_tasks()
        if http2:
            async with connected_http2(stage.port) as client:
                client.get(path)  # whose window is never opened again
                await closed(stage)
        else:
            async with connected(stage.port, receive_buffer=4096) as reader:
                await reader.get(path)
                await closed(stage)
        assert stage.metrics.slow_readers_closed == 1
        await stage.listeners(0)
        await idle()
        assert asyncio.all_tasks() == before


async def closed(stage: Stage) -> None:
    """Wait until every connection has been closed."""
    async with asyncio.timeout(10):
        while stage.metrics.connections_closed < stage.metrics.connections_opened:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
async def test_a_reader_that_catches_up_misses_nothing(
    stage: Stage, certificate: tuple[Path, Path], *, encrypted: bool
) -> None:
    tls = trusting(certificate[0]) if encrypted else None
    async with (
        running(
            stage,
            limits=Limits(send_timeout_seconds=0.2),
            certificate=certificate if encrypted else None,
        ),
        connected(stage.port, receive_buffer=4096, tls=tls) as client,
    ):
        await client.get("/stream")
        await stage.listeners(1)
        for _ in range(60):
            stage.deliver(EVENT)
        body = await client.body(len(PREAMBLE) + 60 * SIZE)
        assert body == PREAMBLE + (b"data: " + EVENT + b"\n\n") * 60
        for _ in range(2):
            await asyncio.sleep(0.25)  # a silence is not the reader's fault
            stage.deliver(b"on")
        stage.stop.request()
        assert await client.rest() == b"data: on\n\n" * 2


async def test_closing_tls_does_not_wait_for_the_reader(
    stage: Stage, certificate: tuple[Path, Path]
) -> None:
    async with (
        running(stage, certificate=certificate),
        connected(stage.port, tls=trusting(certificate[0])) as client,
    ):
        await client.get("/stream")
        await stage.listeners(1)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for subscriber in list(stage.group.members):
            subscriber.close()
        async with asyncio.timeout(3):
            await stage.listeners(0)


async def test_a_hundred_stalled_readers_do_not_delay_another(stage: Stage) -> None:
    async with (
        running(stage, limits=Limits(buffer_bytes=65_536)),
        AsyncExitStack() as stalled,
        connected(stage.port) as reading,
    ):
        for _ in range(100):
            connection = connected(stage.port, receive_buffer=4096)
            client = await stalled.enter_async_context(connection)
            client.writer.write(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reading.get("/stream")
        assert await reading.body(len(PREAMBLE)) == PREAMBLE
        await stage.listeners(101)
        for _ in range(80):
            await stage.publish(EVENT)
            assert await reading.body(SIZE) == b"data: " + EVENT + b"\n\n"
        await stage.listeners(1)
        assert stage.metrics.slow_readers_closed == 100


class Untold(asyncio.Protocol):
    """Whoever had the socket before."""


def subscribe(metrics: Metrics, left: Callable[[], None]) -> Subscription:
    """Subscribe to a group of no channels; `left` is called once it was left."""
    group = Group((), [], lambda _: None, lambda _: None)
    queue = QueuedSubscriber(0.0, metrics)
    group.join(queue)
    return Subscription(group, queue, lambda _: left())


async def test_a_socket_that_is_full_when_detached_is_watched_at_once() -> None:
    times = iter((0.0, 29.0, 31.0))
    metrics = Metrics()
    streams = Streams(Limits(send_timeout_seconds=30), metrics, lambda: next(times))
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    loop = asyncio.get_running_loop()
    with theirs:
        transport, _ = await loop.create_connection(Untold, sock=ours)
        transport.write(bytes(100_000))
        left = asyncio.Event()
        subscription = subscribe(metrics, left.set)
        streams.detach(transport, subscription, chunked=True)
        (subscriber,) = streams.open
        for _ in range(2):
            assert metrics.slow_readers_closed == 0
            subscriber.deliver(Payload(b"data: x\n\n"))
        assert metrics.slow_readers_closed == 1
        await streams.open.emptied()
        assert left.is_set()
