"""Plain requests for a stream, such as an EventSource's, read and answered without a protocol.

Reading the head of a request and writing that of its answer through Hypercorn's protocols was a
third of what it cost to open a stream. The head of a plain request is one regular expression; all
that does not match it, be it wrong, rare or not all there yet, is left to Hypercorn.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import unquote

from ..live.subscriber import Payload
from .hypercorn_contract import Config, LifespanState, parse_socket_addr
from .request_tasks import Answer
from .socket_subscriber import LAST_CHUNK

Write = Callable[[bytes], Awaitable[None]]

_log = logging.getLogger(__name__)

# Less than all of RFC 9112, 3 and 5: a GET in origin form over HTTP/1.1, with fields of visible
# ASCII on a line each, and nothing behind its head.
_HEAD = re.compile(
    rb"GET (/[!-~]*) HTTP/1\.1\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*\r\n)+)\r\n"
)

_NOT_PLAIN = frozenset(
    (b"connection", b"content-length", b"expect", b"transfer-encoding", b"upgrade")
)
"""Fields that change how a request is read, or what its connection is used for."""

_TO_BE_KEPT = b"keep-alive"
"""What browsers say of the connection, which changes nothing in HTTP/1.1."""


def read_plain(
    data: bytes, transport: asyncio.Transport, config: Config, state: LifespanState
) -> dict[str, Any] | None:
    """Return the ASGI scope of a plain request, as Hypercorn makes it; None for any other."""
    match = _HEAD.fullmatch(data)
    if match is None:
        return None
    path, _, query = match[1].partition(b"?")
    if not path.endswith(b"/stream"):
        return None
    headers = []
    hosts = 0
    for line in match[2].split(b"\r\n")[:-1]:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if name in _NOT_PLAIN and not (name == b"connection" and value.lower() == _TO_BE_KEPT):
            return None
        hosts += name == b"host"
        headers.append((name, value))
    if hosts != 1:
        return None
    family = transport.get_extra_info("socket").family
    encrypted = transport.get_extra_info("ssl_object") is not None
    return {
        "type": "http",
        "http_version": "1.1",
        "asgi": {"spec_version": "2.1", "version": "3.0"},
        "method": "GET",
        "scheme": "https" if encrypted else "http",
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "root_path": config.root_path,
        "headers": headers,
        "client": parse_socket_addr(family, transport.get_extra_info("peername")),
        "server": parse_socket_addr(family, transport.get_extra_info("sockname")),
        "state": state.copy(),
        "extensions": {},
    }


def asks_for_stream(head: bytes) -> bool:
    """Tell whether a request's first bytes look like a stream's; a wrong guess costs little."""
    return b"stream" in head.partition(b"\r\n")[0]


async def answer_plain(
    answer: Answer, scope: Any, gone: Awaitable[None], write: Write, config: Config
) -> bool:
    """Have a plain request answered; return whether it was, to the end.

    `gone` ends when the client has, `write` waits for one that is behind.
    """
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        for message in messages:
            return message
        await gone
        return {"type": "http.disconnect"}

    written = _Answer(write, config)
    try:
        await answer(scope, receive, written.send)
    except Exception:
        _log.exception("a request failed")
    return written.complete


class _Answer:
    """What an app says in answer to a GET, as bytes of HTTP/1.1."""

    __slots__ = ("_chunked", "_config", "_write", "complete")

    def __init__(self, write: Write, config: Config) -> None:
        self._write = write
        self._config = config
        self._chunked = False
        self.complete = False

    async def send(self, message: Any) -> None:
        """Write a message of the app's; raises ValueError for a header that would end its line."""
        if message["type"] == "http.response.start":
            await self._write(self._head(message["status"], message["headers"]))
            return
        body, self.complete = message.get("body", b""), not message.get("more_body", False)
        if self._chunked:
            body = (Payload(body).chunked if body else b"") + LAST_CHUNK * self.complete
        await self._write(body)

    def _head(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        fields = [*headers, *self._config.response_headers("h11")]
        self._chunked = not any(name == b"content-length" for name, _ in fields)
        if self._chunked:
            fields.append((b"transfer-encoding", b"chunked"))
        lines = b"".join([b"%b: %b\r\n" % field for field in fields])
        if not lines.count(b"\n") == lines.count(b"\r") == len(fields):
            raise ValueError("a header of an answer has the end of a line in it")
        return b"HTTP/1.1 %d \r\n%b\r\n" % (status, lines)
