"""All that is relied on in Hypercorn; `tests/server/test_hypercorn_contract.py` pins it.

Names: those imported here, and nowhere else. Behaviour, besides what its documentation says:

- `H11Protocol` and `H2Protocol(app, config, context, task_group, state, ssl, client, server, send)`
  speak HTTP/1.x and HTTP/2 on one connection. They are told what happens by `await handle(event)`,
  after `await initiate()`, and tell what to do by `await send(event)`. The events are `RawData`,
  `Closed` and `Updated`; there are no others.
- The task group is asked to `spawn_app(app, config, scope, send)` once a request, which returns
  what the request's messages are put into, and to `spawn(function, *arguments)`. A scope has a dict
  under `extensions`, and `http_version` "2" or whatever an HTTP/1.x client wrote. `send(None)` says
  that the app has ended.
- `handle` returns while an HTTP/1.x request is being answered, unless the client has sent more
  than that request: then it waits, for ever if need be, for the answer's end.
- After `handle(Closed())` each request is told `http.disconnect`, and an answer that ends is not
  missed.
- `handle` and what is spawned raise nearly anything on nearly any HTTP/2 frames that are odd.
- Methods with an underscore are overridden below: two of `H11Protocol`, one of `H2Protocol`.
- `H2Protocol.stream_buffers` has, by stream, what its window has not taken; `drain` waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import chain
from typing import Any

import h11
from hypercorn.asyncio.lifespan import Lifespan
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.events import Body
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.h11 import H2ProtocolAssumedError, H11Protocol
from hypercorn.typing import AppWrapper, ASGIFramework, ConnectionState, LifespanState
from hypercorn.utils import (
    LifespanFailureError,
    LifespanTimeoutError,
    parse_socket_addr,
    wrap_app,
)

from ..http.problems import PROBLEM_HEADERS, problem_json
from .limits import version_refusal
from .request_lines import RequestLines, has_two_lengths

__all__ = [
    "ASGIFramework",
    "AppWrapper",
    "Closed",
    "Config",
    "ConnectionState",
    "Event",
    "H2ProtocolAssumedError",
    "Http1Protocol",
    "Http2Protocol",
    "Lifespan",
    "LifespanFailureError",
    "LifespanState",
    "LifespanTimeoutError",
    "RawData",
    "Updated",
    "WorkerContext",
    "make_protocol",
    "parse_socket_addr",
    "speaks_http2",
    "wrap_app",
]

_DETAILS = {
    400: "This is no HTTP request.",
    431: "The request's head is too long; KPI_MAX_URL_BYTES and KPI_MAX_HEADER_BYTES bound it.",
    501: "The request's transfer coding is not known here.",
}
_ODD_LINES = "The head has a line that is folded or does not end in CRLF."
_TWO_LENGTHS = "The request has both a Content-Length and a Transfer-Encoding."


class Http1Protocol(H11Protocol):
    """HTTP/1.1 with errors as problem+json, without `Upgrade: h2c`, and stricter than h11.

    That upgrade is obsolete (RFC 9113, 3.1) and may be ignored. HTTP/2 by prior knowledge raises
    H2ProtocolAssumedError where the configuration has it. Heads that a proxy in front could read
    differently are refused, and the connection is closed, so that no request hides in another.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._lines = RequestLines()

    async def handle(self, event: Event) -> None:
        """Take an event; a request of another version or of two readings is refused."""
        try:
            if isinstance(event, RawData):
                self._check_lines(event.data)
            await super().handle(event)
        except _RefusedError as error:
            await self._refuse(error.status, str(error))
            await self.send(Closed())

    def _check_lines(self, data: bytes) -> None:
        # A proxy waits for an answer before it sends another head; what a client itself puts behind
        # a request of its own is read by nobody but us.
        if self.connection.their_state is not h11.IDLE:
            self._lines.forget()
        elif self._lines.are_odd(data):
            raise _RefusedError(400, _ODD_LINES)

    async def _check_protocol(self, event: h11.Request) -> None:
        version = event.http_version.decode()
        refusal = version_refusal(version)
        if refusal is None:
            if has_two_lengths(event.headers):
                raise _RefusedError(400, _TWO_LENGTHS)
            return
        if "h2" in self.config.alpn_protocols and event.method == b"PRI":
            await super()._check_protocol(event)
        raise _RefusedError(refusal.status, refusal.detail)

    async def _send_error_response(self, status_code: int) -> None:
        await self._refuse(status_code, _DETAILS.get(status_code, _DETAILS[400]))

    async def _refuse(self, status: int, detail: str) -> None:
        body = problem_json(status, detail)
        headers: list[tuple[Any, Any]] = [
            *PROBLEM_HEADERS,
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        headers = list(chain(headers, self.config.response_headers("h11")))
        await self._send_h11_event(h11.Response(status_code=status, headers=headers))
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())


class Http2Protocol(H2Protocol):
    """HTTP/2 that waits for its clients' windows, and does without priorities.

    Hypercorn's own takes a window that is shut for one that is open, and keeps what is sent without
    end. Priorities are obsolete (RFC 9113, 5.3.2), and their library raises on odd ones.
    """

    async def stream_send(self, event: Any) -> None:
        """Pass on what an app sends, once the client's window has taken what was sent before."""
        if isinstance(event, Body):
            before = self.stream_buffers.get(event.stream_id)
            if before is not None and before.buffer:
                await before.drain()
        await super().stream_send(event)

    async def _priority_updated(self, event: Any) -> None:
        pass


def speaks_http2(transport: asyncio.Transport) -> bool:
    """Tell whether HTTP/2 was agreed on in the TLS handshake."""
    encrypted = transport.get_extra_info("ssl_object")
    return encrypted is not None and encrypted.selected_alpn_protocol() == "h2"


def make_protocol(
    config: Config,
    context: WorkerContext,
    state: LifespanState,
    tasks: Any,
    transport: asyncio.Transport,
    send: Callable[[Event], Awaitable[None]],
    kind: Any,
) -> Http1Protocol | Http2Protocol:
    """Return a protocol for one connection; `tasks` runs the app, `send` does what it asks for."""
    family = transport.get_extra_info("socket").family
    made: Http1Protocol | Http2Protocol = kind(
        None,
        config,
        context,
        tasks,
        ConnectionState(state),
        transport.get_extra_info("ssl_object") is not None,
        parse_socket_addr(family, transport.get_extra_info("peername")),
        parse_socket_addr(family, transport.get_extra_info("sockname")),
        send,
    )
    return made


class _RefusedError(Exception):
    """A request is refused, with a status and what is told."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
