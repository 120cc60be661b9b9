"""Requests that no browser makes: odd targets, names and heads are refused, and never a 500."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

import h2.config
import h2.connection
import h2.events
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.server.request_lines import RequestLines
from app.settings import Settings
from tests.running import Gateway, open_gateway

ODD_TARGETS = [
    "*", "//", "//evil.example/kpi", "/\\evil.example", "/kpi/..%2f..%2fetc%2fpasswd", "/%00", "/%",
    "/%ff%fe", "/kpi?%ff=%ff", "/kpi?&&=&=&", "/kpi/%E2%80%A8", "/kpi/a%0d%0ab", "/kpi;x=y",
    "/./kpi", "/b/..", "/b/%2e%2e%2f", "/web/%2e%2e/settings.py", "/web/../../app/settings.py",
    "http://[", "http://[::1", "http://", "http:///kpi", "http://evil.example/kpi", "https://a:b/kpi",
    "ftp://evil.example/kpi", "evil.example:80", "kpi", "?", "/stream?channel=" + "a:minute," * 200,
    "/?ticket=a&ticket=b", "/b/x?ticket=//evil.example", "/%2f%2fevil.example?ticket=a",
]  # fmt: skip
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"]


async def send(port: int, request: bytes) -> tuple[int, bytes]:
    """Send bytes as they are; return the first status, and all that comes until the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(20):
            received = await reader.readuntil(b"\r\n\r\n")
            with suppress(ConnectionError):
                received += await reader.read()
        return int(received.split()[1]), received
    finally:
        writer.close()


def head(method: str, target: str, *lines: str, host: str = "localhost") -> bytes:
    return "\r\n".join(
        [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *lines, "", ""]
    ).encode("latin-1")


async def test_no_target_is_a_fault_or_leads_away(gateway: Gateway) -> None:
    async def check(method: str, target: str) -> None:
        status, received = await send(gateway.port, head(method, target))
        assert 200 <= status < 500 or status == 501, (target, received)
        for line in received.lower().split(b"\r\n\r\n")[0].split(b"\r\n"):
            if line.startswith(b"location:"):
                assert line.removeprefix(b"location:").strip()[:2] in (b"./", b".."), target
            assert not line.startswith((b"set-cookie", b"x-evil"))

    for method in METHODS:
        await asyncio.gather(*(check(method, target) for target in ODD_TARGETS))


HOSTS = [
    ("kpi.example", 200), ("KPI.Example", 200), ("kpi.example.", 200), ("kpi.example:1", 200),
    ("kpi.example:", 200), ("[::1]", 200), ("[::1]:80", 200), ("127.0.0.1.", 200),
    ("kpi.example..", 421), ("kpi.example:x", 421), ("kpi.example:1:2", 421),
    ("2130706433", 421), (".", 421), ("a" * 64, 421), ("xn--", 421), ("\xe4..", 421),
    ("kpi.example@evil.example", 421), ("evil.example#kpi.example", 421), ("[::1%25lo]", 421),
    ("[kpi.example]", 421), ("evil.example/kpi.example", 421),
    ("kpi.example, evil.example", 421),
    ("evil.kpi.example", 421), ("kpi.example.evil.example", 421), ("[::1]evil.example", 421),
]  # fmt: skip


async def test_a_host_is_one_of_the_names_however_it_is_written(
    shadowed_settings: Settings,
) -> None:
    settings = shadowed_settings.model_copy(update={"allowed_hosts": "kpi.example"})
    async with open_gateway(settings) as gateway:
        for host, status in HOSTS:
            seen, _ = await send(gateway.port, head("GET", "/livez", host=host))
            assert seen == status, host


async def test_the_host_of_an_absolute_target_is_what_counts(gateway: Gateway) -> None:
    for target, host, status in (
        ("http://evil.example/kpi", "localhost", 421),
        ("http://localhost/kpi", "evil.example", 200),
        ("https://127.0.0.1:1/kpi", "localhost", 200),
    ):
        assert (await send(gateway.port, head("GET", target, host=host)))[0] == status


ODD_HEADS = [
    ["Host: evil.example"], ["Host: localhost", "Host: localhost"], ["Content-Length: 1, 2"],
    ["Content-Length: 1", "Content-Length: 2"], ["Content-Length: -1"], ["Content-Length: +1"],
    ["Transfer-Encoding: xchunked"], ["Transfer-Encoding: chunked, identity"],
    ["Transfer-Encoding: gzip, chunked"], ["X : y"], ["X\tY: z"], ["X: a\0b"],
    ["\xa0Transfer-Encoding: chunked"], ["Content-Length: 0x1"], ["X: a\rb"],
]  # fmt: skip


async def test_a_head_that_two_servers_read_differently_is_refused(gateway: Gateway) -> None:
    hidden = b"0\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"

    async def check(lines: list[str]) -> None:
        status, received = await send(gateway.port, head("POST", "/session", *lines) + hidden)
        assert status in (400, 501), (lines, received)
        assert received.count(b"HTTP/1.1") == 1

    await asyncio.gather(*map(check, ODD_HEADS))


FRAMINGS = {
    "a length beside chunks": "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks beside a length": "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "folded chunks": "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "folded by a tab": "X: a\r\n\tb\r\n\r\n",
    "a length behind a bare line feed": "X: a\nContent-Length: 44\r\n\r\n",
    "chunks behind a bare line feed": "X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a head that ends in bare line feeds": "X: a\n\n",
    "a chunk's line without CR": "Transfer-Encoding: chunked\r\n\r\n3;a\nabc\r\n0\r\n\r\n",
    "a chunk's length with a sign": "Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n",
    "a chunk's length in words of C": "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk that is too long": "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", FRAMINGS)
async def test_no_second_request_hides_in_one_that_proxies_read_differently(
    name: str, gateway: Gateway
) -> None:
    """The connection, which is kept alive otherwise, is closed (RFC 9112, 6.3)."""
    begin = "POST /session HTTP/1.1\r\nHost: localhost\r\n"
    hidden = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    status, received = await send(gateway.port, (begin + FRAMINGS[name] + hidden).encode())
    assert status == 400
    assert received.count(b"HTTP/1.1") == 1


@given(st.lists(st.sampled_from(["a", "\r\n", "\n", "\r", " ", "\t"]), max_size=12))
def test_a_line_is_odd_however_its_head_is_cut(parts: list[str]) -> None:
    text = "".join(parts).encode() + b"\r\n\r\n"
    head = text[: text.index(b"\r\n\r\n") + 4]
    whole = RequestLines().are_odd(head + b"\n body")
    assert whole is (re.search(rb"(?<!\r)\n|\n[ \t]", head) is not None)
    lines = RequestLines()
    assert lines.are_odd(head + b"\n") is whole
    assert not lines.are_odd(b"GET")  # of the next request on the connection
    for size in range(1, len(head)):
        lines = RequestLines()
        pieces = (head[at : at + size] for at in range(0, len(head), size))
        assert any(map(lines.are_odd, pieces)) is whole


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (b"/kpi?a=\xff\xfe", b"200"),
        (b"/kpi?%ff", b"200"),
        (b"/kpi/sales?period=\xff", b"422"),
        (b"/kpi/\xff", b""),  # the connection is closed, as after any that is no HTTP/2
    ],
)
async def test_http2_may_send_any_bytes_in_a_target(
    path: bytes, status: bytes, shadowed_settings: Settings
) -> None:
    async with open_gateway(shadowed_settings.model_copy(update={"http2": True})) as gateway:
        assert await status_over_http2(gateway.port, path) == status


async def status_over_http2(port: int, path: bytes) -> bytes:
    fields = [
        (b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"localhost"),
        (b":path", path),
    ]  # fmt: skip
    return await over_http2(port, fields)


async def over_http2(port: int, fields: list[tuple[bytes, bytes]]) -> bytes:
    """Return the status of the answer, "reset", or nothing where the connection ends."""
    config = h2.config.H2Configuration(
        header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False
    )
    connection = h2.connection.H2Connection(config)
    connection.initiate_connection()
    connection.send_headers(1, fields, end_stream=True)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(connection.data_to_send())
    status = b""
    async with asyncio.timeout(20):
        while not status and (received := await reader.read(65_536)):
            for event in connection.receive_data(received):
                if isinstance(event, h2.events.ResponseReceived):
                    status = dict(event.headers)[b":status"]
                elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                    status = b"reset"
    writer.close()
    return status
