"""Plain requests are read as Hypercorn reads them, and all others are left to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from app.server.hypercorn_contract import (
    Config,
    ConnectionState,
    Http1Protocol,
    RawData,
    WorkerContext,
)
from app.server.plain_request import answer_plain, read_plain

HEAD = b"GET /kpi/a%20b/stream?period=minute&x=%41 HTTP/1.1\r\n"
HOST = b"Host: kpi.example\r\n"
CHROMIUM = b"""Host: 127.0.0.1:8000
Connection: keep-alive
sec-ch-ua-platform: "Linux"
Cache-Control: no-cache
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Safari/537.36
Accept: text/event-stream
sec-ch-ua: "Chromium";v="141", "Not?A_Brand";v="8"
Sec-Fetch-Site: same-origin
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-US,en;q=0.9
""".replace(b"\n", b"\r\n")
STATE = cast(Any, {"of": "the lifespan"})


class Wire(asyncio.Transport):
    """A transport that knows its addresses."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(
            {"socket": sock, "peername": ("127.0.0.1", 5), "sockname": ("127.0.0.1", 80)}
        )


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    with socket.socket() as sock:
        yield Wire(sock)


class Scopes:
    """Takes the scopes that Hypercorn makes."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    async def spawn_app(self, app: object, config: object, scope: Any, send: object) -> Any:
        self.made.append(scope)

        async def put(message: object) -> None:
            pass

        return put


async def of_hypercorn(data: bytes) -> Any:
    """Return the scope that Hypercorn makes of a request's bytes, or None."""
    scopes = Scopes()

    async def send(event: object) -> None:
        pass

    protocol = Http1Protocol(
        cast(Any, None), Config(), WorkerContext(None), cast(Any, scopes),
        ConnectionState(STATE), False, ("127.0.0.1", 5), ("127.0.0.1", 80), cast(Any, send),
    )  # fmt: skip
    await protocol.handle(RawData(data))
    return scopes.made[0] if scopes.made else None


@pytest.mark.parametrize(
    "fields",
    [
        HOST,
        b"hOST:kpi.example\r\nAccept: text/event-stream\r\nLast-Event-ID: 2AAAA\r\n",
        HOST + b"Cookie: a=1; b=\t2\r\nCookie: c=3\r\nX-Empty:\r\nX-Blank: \t \r\n",
        HOST + b'Connection: keep-alive\r\nX-Quoted: "a: b"  \r\n',
        b"Host: \r\n",
        CHROMIUM,
    ],
)
async def test_a_plain_request_has_the_scope_that_hypercorn_makes(
    wire: Wire, fields: bytes
) -> None:
    data = HEAD + fields + b"\r\n"
    scope = read_plain(data, wire, Config(), STATE)
    assert scope is not None
    assert scope == await of_hypercorn(data)


@pytest.mark.parametrize(
    "data",
    [
        HEAD + HOST,
        HEAD + b"\r\n",
        HEAD + HOST + HOST + b"\r\n",
        HEAD + HOST + b"\r\nGET / HTTP/1.1\r\n",
        HEAD + HOST + b"\r\n\0",
        HEAD.replace(b"GET", b"HEAD") + HOST + b"\r\n",
        HEAD.replace(b"GET", b"get") + HOST + b"\r\n",
        HEAD.replace(b"1.1", b"1.0") + HOST + b"\r\n",
        HEAD.replace(b"/kpi", b"http://kpi.example/kpi") + HOST + b"\r\n",
        HEAD.replace(b" HTTP", b"  HTTP") + HOST + b"\r\n",
        HEAD.replace(b"%20", b"\xc3\xa4") + HOST + b"\r\n",
        HEAD.replace(b"/stream", b"/streams") + HOST + b"\r\n",
        b"\r\n" + HEAD + HOST + b"\r\n",
        (HEAD + HOST + b"\r\n").replace(b"\r\n", b"\n"),
        HEAD + HOST + b"X: a\r\n b\r\n\r\n",
        HEAD + HOST + b"X : a\r\n\r\n",
        HEAD + HOST + b"X: a\rb\r\n\r\n",
        HEAD + HOST + b"X: a\0b\r\n\r\n",
        HEAD + HOST + b"X: \xc3\xa4\r\n\r\n",
        HEAD + HOST + b": a\r\n\r\n",
        HEAD + HOST + b"Content-Length: 0\r\n\r\n",
        HEAD + HOST + b"Transfer-Encoding: chunked\r\n\r\n",
        HEAD + HOST + b"Expect: 100-continue\r\n\r\n",
        HEAD + HOST + b"Upgrade: h2c\r\n\r\n",
        HEAD + HOST + b"Connection: close\r\n\r\n",
        HEAD + HOST + b"Connection: keep-alive, Upgrade\r\n\r\n",
    ],
)
async def test_any_other_request_is_left_to_hypercorn(wire: Wire, data: bytes) -> None:
    assert read_plain(data, wire, Config(), STATE) is None


_TEXT = st.text("Xx-_!:~\t \r\n\0\xe9", max_size=5).map(lambda text: text.encode("latin-1"))
_LINES = st.lists(st.tuples(_TEXT, _TEXT).map(lambda field: b"%b:%b\r\n" % field), max_size=3)


@given(_TEXT, _LINES)
def test_whatever_is_read_as_plain_hypercorn_reads_the_same(
    target: bytes, lines: list[bytes]
) -> None:
    data = b"GET /%b/stream HTTP/1.1\r\n%b%b\r\n" % (target, HOST, b"".join(lines))
    with socket.socket() as sock:
        scope = read_plain(data, Wire(sock), Config(), STATE)
    event(f"plain: {scope is not None}")
    if scope is not None:
        assert scope == asyncio.run(of_hypercorn(data))


async def said(*messages: Any) -> tuple[bytes, bool]:
    """Return what is written when an app sends messages, and whether that is a whole answer."""
    written = bytearray()

    async def write(data: bytes) -> None:
        written.extend(data)

    async def answer(scope: object, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        for message in messages:
            await send(message)

    gone = asyncio.get_running_loop().create_future()
    gone.set_result(None)
    complete = await answer_plain(answer, {}, gone, write, Config())
    return bytes(written), complete


def start(*headers: tuple[bytes, bytes]) -> Any:
    return {"type": "http.response.start", "status": 200, "headers": list(headers)}


async def test_an_answer_of_unknown_length_is_chunked() -> None:
    body = {"type": "http.response.body", "body": b"twelve bytes", "more_body": True}
    whole, complete = await said(start(), body, {"type": "http.response.body"})
    head, _, rest = whole.partition(b"\r\n\r\n")
    assert b"\r\ntransfer-encoding: chunked" in head
    assert (rest, complete) == (b"c\r\ntwelve bytes\r\n0\r\n\r\n", True)
    assert not (await said(start(), body))[1]


async def test_an_answer_of_known_length_is_not() -> None:
    body = {"type": "http.response.body", "body": b"all"}
    whole, complete = await said(start((b"content-length", b"3")), body)
    assert b"transfer-encoding" not in whole
    assert whole.endswith(b"\r\n\r\nall")
    assert complete


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n"])
async def test_no_header_of_an_answer_ends_its_line(end: bytes) -> None:
    assert await said(start((b"x", b"a" + end + b"set-cookie: b"))) == (b"", False)
