"""Heads of HTTP/2 that no browser sends: two readings of one are refused, as RFC 9113, 8 has it."""

from __future__ import annotations

import pytest

from app.settings import Settings
from tests.http.test_hostile_requests import head, over_http2, send
from tests.running import open_gateway

Fields = list[tuple[bytes, bytes]]
METHOD, SCHEME = (b":method", b"GET"), (b":scheme", b"http")
HOST, PATH = (b":authority", b"localhost"), (b":path", b"/livez")
GOOD = [METHOD, SCHEME, HOST, PATH]
CLOSED = (b"reset", b"")

HEADS: dict[str, tuple[Fields, tuple[bytes, ...]]] = {
    "good": (GOOD, (b"200",)),
    "another host": ([METHOD, SCHEME, (b":authority", b"evil.example"), PATH], (b"421",)),
    "another host than its authority": ([*GOOD, (b"host", b"evil.example")], CLOSED),
    "another authority than its host": (
        [METHOD, SCHEME, (b":authority", b"evil.example"), PATH, (b"host", b"localhost")],
        CLOSED,
    ),
    "a host alone": ([METHOD, SCHEME, PATH, (b"host", b"evil.example")], (b"421",)),
    "neither": ([METHOD, SCHEME, PATH], CLOSED),
    "two authorities": ([METHOD, SCHEME, HOST, (b":authority", b"evil.example"), PATH], CLOSED),
    "no path": ([METHOD, SCHEME, HOST], CLOSED),
    "an empty path": ([METHOD, SCHEME, HOST, (b":path", b"")], CLOSED),
    "a host in its path": (
        [METHOD, SCHEME, HOST, (b":path", b"http://evil.example/livez")],
        (b"421",),
    ),
    "a request in its path": (
        [METHOD, SCHEME, HOST, (b":path", b"/livez HTTP/1.1\r\nX: y")],
        CLOSED,
    ),
    "a request in its method": ([(b":method", b"GET /x"), SCHEME, HOST, PATH], (b"405", *CLOSED)),
    "no scheme": ([METHOD, HOST, PATH], CLOSED),
    "chunks": ([*GOOD, (b"transfer-encoding", b"chunked")], CLOSED),
    "a connection of its own": ([*GOOD, (b"connection", b"close")], CLOSED),
    "capitals": ([*GOOD, (b"X-Up", b"x")], CLOSED),
    "a line's end": ([*GOOD, (b"x", b"a\r\nb: c")], CLOSED),
    "a NUL": ([*GOOD, (b"x", b"a\0b")], CLOSED),
    "a colon in a name": ([*GOOD, (b"x:y", b"a")], CLOSED),
    "a blank in a name": ([*GOOD, (b"x y", b"a")], CLOSED),
    "no name": ([*GOOD, (b"", b"a")], CLOSED),
    "an authority behind fields": ([METHOD, SCHEME, PATH, (b"x", b"y"), HOST], CLOSED),
    "an unknown pseudo-field": ([*GOOD, (b":foo", b"y")], CLOSED),
    "an answer's field": ([*GOOD, (b":status", b"200")], CLOSED),
    "a length below nothing": ([*GOOD, (b"content-length", b"-5")], CLOSED),
    "a tunnel": ([(b":method", b"CONNECT"), (b":authority", b"evil.example:80")], CLOSED),
    "a websocket": ([(b":method", b"CONNECT"), (b":protocol", b"websocket"), *GOOD[1:]], (b"400",)),
}


async def test_a_head_that_could_be_read_in_two_ways_is_refused(
    shadowed_settings: Settings,
) -> None:
    async with open_gateway(shadowed_settings.model_copy(update={"http2": True})) as gateway:
        for name, (fields, expected) in HEADS.items():
            assert await over_http2(gateway.port, fields) in expected, name
        assert await over_http2(gateway.port, GOOD) == b"200"


@pytest.mark.parametrize("upgrade", ["h2c", "h2c, websocket"])
async def test_an_upgrade_to_http2_is_not_made(upgrade: str, shadowed_settings: Settings) -> None:
    """It would be a way past a proxy that looks at HTTP/1.1 alone (RFC 9113, 3.1)."""
    settings = "HTTP2-Settings"
    lines = (f"Connection: Upgrade, {settings}", f"Upgrade: {upgrade}", f"{settings}: AAMAAABk")
    async with open_gateway(shadowed_settings.model_copy(update={"http2": True})) as gateway:
        status, received = await send(gateway.port, head("GET", "/livez", *lines))
    assert status == 200
    assert received.endswith(b"alive\n")
