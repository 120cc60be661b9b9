"""HTTP/2 frames that no honest client sends: whatever they lead to, no stream outlives them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

import hpack
import pytest
from hyperframe import frame as frames

from tests.server.clients import connected, connected_http2
from tests.server.stage import PREAMBLE, Stage, running
from tests.server.test_hostile import PREFACE, SHORT, nothing_left_behind

KNOWN = [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/stream")]


def headers(
    stream: int, fields: list[tuple[str | bytes, str | bytes]], *flags: str
) -> frames.HeadersFrame:
    """Return a HEADERS frame, encoded without a dynamic table so that any may come alone."""
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    frame = frames.HeadersFrame(stream, encoder.encode(fields))
    frame.flags.add("END_HEADERS")
    for flag in flags:
        frame.flags.add(flag)
    return frame


def get(stream: int, **changes: str | bytes | None) -> frames.HeadersFrame:
    """Return a request for the endless stream, with other or without pseudo-header fields."""
    fields = [(name, changes.get(name[1:], value)) for name, value in KNOWN]
    return headers(stream, [(n, v) for n, v in fields if v is not None], "END_STREAM")


def settings() -> frames.SettingsFrame:
    return frames.SettingsFrame(0, settings={4: 0})


def serialised(*sent: frames.Frame) -> bytes:
    return PREFACE + settings().serialize() + b"".join(frame.serialize() for frame in sent)


ODD: dict[str, list[frames.Frame]] = {
    "a path outside ASCII": [get(201, path=b"/\xc3\xa9\xff")],
    "CONNECT without a path": [get(201, method="CONNECT", path=None, scheme=None)],
    "no method": [get(201, method=None)],
    "no path": [get(201, path=None)],
    "an empty path": [get(201, path="")],
    "1,001 priorities": [frames.PriorityFrame(2 * n + 1, depends_on=0) for n in range(200, 1201)],
    "a priority on itself": [frames.PriorityFrame(201, depends_on=201)],
    "data for no stream": [frames.DataFrame(201, b"x")],
    "data for a stream that is over": [frames.DataFrame(1, b"x")],
    "a window of nothing": [frames.WindowUpdateFrame(1, window_increment=0)],
    "windows without end": [frames.WindowUpdateFrame(0, window_increment=2**31 - 1)] * 3,
    "a reset of no stream": [frames.RstStreamFrame(201, error_code=0)],
    "a push": [frames.PushPromiseFrame(1, promised_stream_id=2, data=b"x")],
    "a continuation of nothing": [frames.ContinuationFrame(1, b"x")],
    "an unknown frame": [frames.ExtensionFrame(type=77, stream_id=1, body=b"x")],
    "a header that is no HPACK": [frames.HeadersFrame(201, b"\xff" * 50, flags=["END_HEADERS"])],
    "goodbye": [frames.GoAwayFrame(0, last_stream_id=0, error_code=0)],
}


@pytest.mark.parametrize("name", ODD)
async def test_streams_are_left_whatever_frames_come_after(stage: Stage, name: str) -> None:
    async with (
        running(stage, limits=SHORT, http2=True),
        nothing_left_behind(stage),
        connected(stage.port) as client,
    ):
        client.writer.write(serialised(*(get(2 * n + 1) for n in range(20))))
        await stage.listeners(20, detached=False)
        for frame in ODD[name]:
            client.writer.write(frame.serialize())
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(0.2):
                while await client.reader.read(65_536):
                    pass
        client.writer.transport.abort()


async def test_an_idle_connection_is_closed_and_one_with_a_stream_is_not(stage: Stage) -> None:
    async with (
        running(stage, limits=SHORT, http2=True),
        connected_http2(stage.port) as streaming,
        connected_http2(stage.port) as used,
    ):
        number = streaming.get("/stream")
        await streaming.until(number, len(PREAMBLE))
        assert await used.until(used.get("/short"), None) == b"short"
        async with asyncio.timeout(5):
            while await used.reader.read(65_536):
                pass
        stage.deliver(b"one")
        assert (await streaming.until(number, len(PREAMBLE) + 11)).endswith(b"data: one\n\n")


Maker = Callable[[random.Random], frames.Frame]


def identifier(odd: random.Random) -> int:
    return odd.choice((1, 1, 3, 3, 5, 2, 99, 201, 2**31 - 1))


MAKERS: tuple[Maker, ...] = (
    lambda odd: get(identifier(odd)),
    lambda odd: get(identifier(odd), path=odd.choice(("/short", "/large", "/x\x00", "*", "?"))),
    lambda odd: get(identifier(odd), path=odd.choice((b"/\xff", "", None)), method="CONNECT"),
    lambda odd: get(identifier(odd), method=odd.choice(("POST", "HEAD", "CONNECT", "", "a b"))),
    lambda odd: headers(identifier(odd), [*KNOWN, ("te", "x"), ("connection", "x")]),
    lambda odd: headers(identifier(odd), [("x", "y")], "END_STREAM"),
    lambda odd: frames.DataFrame(identifier(odd), odd.randbytes(odd.randrange(2000))),
    lambda odd: frames.DataFrame(identifier(odd), b"x", flags=["END_STREAM"]),
    lambda odd: frames.PriorityFrame(identifier(odd), depends_on=identifier(odd)),
    lambda odd: frames.RstStreamFrame(identifier(odd), error_code=odd.randrange(20)),
    lambda odd: frames.WindowUpdateFrame(
        odd.choice((0, identifier(odd))), window_increment=odd.choice((1, 9999, 2**31 - 1))
    ),
    lambda odd: frames.SettingsFrame(
        0, settings={odd.randrange(1, 10): odd.choice((0, 1, 65_535, 2**31 - 1, 2**32 - 1))}
    ),
    lambda odd: frames.PingFrame(0, odd.randbytes(8)),
    lambda odd: frames.GoAwayFrame(0, last_stream_id=identifier(odd)),
    lambda odd: frames.ContinuationFrame(identifier(odd), odd.randbytes(20)),
    lambda odd: frames.ExtensionFrame(odd.randrange(10, 256), 1, 0, odd.randbytes(20)),
)


def bytes_of(odd: random.Random, frame: frames.Frame) -> bytes:
    """Return a frame's bytes, now and then with one of them changed or some missing."""
    data = bytearray(frame.serialize())
    if odd.random() < 0.1:
        data[odd.randrange(len(data))] = odd.randrange(256)
    return bytes(data[: odd.randrange(len(data))] if odd.random() < 0.05 else data)


async def send_random_frames(stage: Stage, count: int, seed: int) -> None:
    """Open `count` connections and send up to 40 random frames on each."""
    odd = random.Random(seed)
    for _ in range(count):
        async with connected(stage.port) as client:
            sent = [get(1), *(odd.choice(MAKERS)(odd) for _ in range(odd.randrange(40)))]
            client.writer.write(PREFACE + settings().serialize())
            for frame in sent:
                client.writer.write(bytes_of(odd, frame))
                if odd.random() < 0.2:
                    await asyncio.sleep(0)
            with suppress(TimeoutError, ConnectionError):
                await asyncio.wait_for(client.reader.read(odd.choice((10, 65_536))), 0.01)


@pytest.mark.parametrize("seed", range(4))
async def test_random_frames_leave_nothing_behind(stage: Stage, seed: int) -> None:
    async with running(stage, limits=SHORT, http2=True), nothing_left_behind(stage):
        await send_random_frames(stage, 100, seed)
        async with connected(stage.port) as client:
            await client.get("/short")
            assert await client.rest() == b"short"
