"""HTTP/2 frames by the thousand cost a bounded bit (CVE-2023-44487, CVE-2024-27316, their kin)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain, repeat

import hpack
import psutil
import pytest
from hyperframe import frame as frames

from app.server.limits import Limits
from tests.benchmarks.tick import metered
from tests.server.clients import connected
from tests.server.stage import Stage, running
from tests.server.test_hostile import nothing_left_behind
from tests.server.test_hostile_http2 import KNOWN, get, headers, serialised

pytestmark = pytest.mark.slow

LIMITS = Limits(send_timeout_seconds=0.5)
PIECE_SECONDS = 0.05
MOST_BYTES = 16 * 1024 * 1024
"""What the process may grow by, meanwhile."""


def rapid_reset() -> Iterator[frames.Frame]:
    for number in range(3, 4001, 2):
        yield get(number)
        yield frames.RstStreamFrame(number, error_code=8)


def continuations() -> Iterator[frames.Frame]:
    yield frames.HeadersFrame(3, hpack.Encoder().encode(KNOWN))
    for _ in range(500):
        yield frames.ContinuationFrame(3, b"\x00\x01a\x7f\x80\x7f" + b"b" * 16_000)


def empty_continuations() -> Iterator[frames.Frame]:
    yield frames.HeadersFrame(3, hpack.Encoder().encode(KNOWN))
    for _ in range(20_000):
        yield frames.ContinuationFrame(3, b"")


def header_bomb() -> Iterator[frames.Frame]:
    """One long field, and thousands that refer to it in a byte each."""
    encoder = hpack.Encoder()
    first = encoder.encode([*KNOWN, ("x-long", "y" * 4000)])
    yield frames.HeadersFrame(3, first + b"\xbe" * 12_000, flags=["END_HEADERS", "END_STREAM"])


def many_fields() -> Iterator[frames.Frame]:
    for number in range(3, 401, 2):
        yield headers(number, [*KNOWN, *[("x", "y" * 10)] * 400], "END_STREAM")


FLOODS: dict[str, Callable[[], Iterator[frames.Frame]]] = {
    "rapid reset": rapid_reset,
    "continuations": continuations,
    "empty continuations": empty_continuations,
    "header bomb": header_bomb,
    "many fields": many_fields,
    "pings": lambda: iter([frames.PingFrame(0, b"12345678")] * 20_000),
    "settings": lambda: iter([frames.SettingsFrame(0, settings={4: 65_535})] * 20_000),
    "windows": lambda: iter([frames.WindowUpdateFrame(0, window_increment=1)] * 20_000),
    "empty data": lambda: chain((headers(3, [*KNOWN]),), repeat(frames.DataFrame(3, b""), 20_000)),
    "priorities": lambda: iter(
        [frames.PriorityFrame(2 * n + 1, depends_on=0) for n in range(100, 20_000)]
    ),
    "unknown": lambda: iter([frames.ExtensionFrame(77, 1, 0, b"x" * 100)] * 20_000),
    "streams": lambda: iter([get(number) for number in range(3, 4001, 2)]),
}


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_is_bounded_and_others_are_served(stage: Stage, name: str) -> None:
    """The client sends as quickly as it may and reads nothing."""
    process = psutil.Process()
    flood = b"".join(bytes(frame.serialize()) for frame in FLOODS[name]())
    async with (
        running(stage, limits=LIMITS, http2=True),
        nothing_left_behind(stage),
        connected(stage.port) as client,
    ):
        before = process.memory_info().rss
        with metered() as meter:
            client.writer.write(serialised(get(1)))
            flooding = asyncio.create_task(send(client.writer, flood))
            for _ in range(10):
                async with connected(stage.port) as other:
                    await other.get("/short")
                    assert await other.rest() == b"short"
            grown = process.memory_info().rss - before
            await flooding
        client.writer.transport.abort()
    assert grown < MOST_BYTES
    assert meter.longest < PIECE_SECONDS


async def send(writer: asyncio.StreamWriter, flood: bytes) -> None:
    with suppress(ConnectionError, TimeoutError):
        for first in range(0, len(flood), 65_536):
            writer.write(flood[first : first + 65_536])
            async with asyncio.timeout(1):
                await writer.drain()
