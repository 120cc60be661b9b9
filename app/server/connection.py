"""One client connection: reader and writer for Hypercorn, until its socket is handed over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

from app.live.handover import EXTENSION, Seat
from app.server.hypercorn_contract import (
    AppWrapper,
    Config,
    LifespanState,
    TCPServer,
    WorkerContext,
)
from app.server.registry import Registry
from app.server.streams import Streams

_READ_AHEAD_BYTES = 65_536
_GATHERED_BYTES = 16_384

_log = logging.getLogger(__name__)


class Host:
    """What all connections of a process share."""

    def __init__(
        self,
        app: AppWrapper,
        config: Config,
        context: WorkerContext,
        state: LifespanState,
        streams: Streams,
    ) -> None:
        self.app = app
        self.config = config
        self.context = context
        self.state = state
        self.streams = streams
        self.loop = asyncio.get_running_loop()
        self.connections: Registry[Connection] = Registry()


class Connection(asyncio.Protocol):
    """What Hypercorn's TCPServer takes for a StreamReader and a StreamWriter, and more.

    It tells the app of each HTTP/1.x request how to detach: the transport then gets another
    protocol, and Hypercorn's side sees end-of-file, unwinds and reaches the socket no more.
    """

    __slots__ = (
        "_answering",
        "_buffer",
        "_closed",
        "_eof",
        "_host",
        "_lost",
        "_offer",
        "_outgoing",
        "_stopped",
        "_task",
        "_transport",
        "_waiting_reader",
        "_writable",
    )

    def __init__(self, host: Host) -> None:
        self._host = host
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._buffer = b""
        self._outgoing = b""
        self._eof = False
        self._lost = False
        self._waiting_reader: asyncio.Future[None] | None = None
        self._writable: asyncio.Event | None = None
        self._closed: asyncio.Event | None = None
        self._answering = 0
        self._stopped = False
        self._offer: _Offer | None = None

    # --- the event loop's side -------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start Hypercorn on the new connection."""
        self._transport = cast(asyncio.Transport, transport)
        self._host.connections.add(self)
        self._task = self._host.loop.create_task(self._serve())
        self._task.add_done_callback(self._served)

    def data_received(self, data: bytes) -> None:
        """Keep what came for Hypercorn's next read."""
        self._buffer += data
        self._wake_reader()
        if len(self._buffer) >= _READ_AHEAD_BYTES and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> None:
        """Close once all is sent: Hypercorn takes it as a disconnect, but would linger."""
        self._flush()

    def pause_writing(self) -> None:
        """Let `drain` wait."""
        self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        """Let `drain` go on."""
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell Hypercorn that the client is gone, and see to it that its task ends."""
        self._lost = True
        self._release()
        # With no request left Hypercorn would still linger for its keep-alive timeout.
        self._host.loop.call_soon(self._stop)

    # --- Hypercorn's side ------------------------------------------------------------------

    async def read(self, size: int) -> bytes:
        """Return up to `size` bytes once there are some, nothing at the end."""
        if not self._buffer and not self._eof:
            self._waiting_reader = self._host.loop.create_future()
            try:
                await self._waiting_reader
            finally:
                self._waiting_reader = None
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        if self._transport is not None:
            self._transport.resume_reading()
        return data

    def at_eof(self) -> bool:
        """Whether there is nothing more to read."""
        return self._eof and not self._buffer

    def write(self, data: bytes) -> None:
        """Send bytes; after the connection is lost or handed over, forget them.

        Small pieces wait for the next turn of the event loop: head and body of an answer are
        written one after the other, and are one packet and one system call.
        """
        if self._transport is None:
            return
        if not self._outgoing and data:
            self._host.loop.call_soon(self._flush)
        self._outgoing += data
        if len(self._outgoing) >= _GATHERED_BYTES:
            self._flush()

    async def drain(self) -> None:
        """Wait for room to write; raise ConnectionResetError when the client is gone."""
        if self._writable is not None:
            await self._writable.wait()
        if self._transport is None:
            raise ConnectionResetError("the connection is closed")

    def write_eof(self) -> None:
        """Close the writing half."""
        self._flush()
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def close(self) -> None:
        """Close once all is sent."""
        self._flush()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()

    async def wait_closed(self) -> None:
        """Wait until the connection is closed or handed over."""
        if self._transport is not None:
            self._closed = self._closed or asyncio.Event()
            await self._closed.wait()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the transport says of `name`."""
        if self._transport is None:
            return default
        return self._transport.get_extra_info(name, default)

    # --- the app's side --------------------------------------------------------------------

    async def _call_app(
        self,
        scope: Any,
        receive: Any,
        send: Any,
        sync_spawn: Callable[..., Any],
        call_soon: Callable[..., Any],
    ) -> None:
        """Run the app on one request, with the offer in its scope where there is one."""
        if (
            scope["type"] == "http"
            and scope["method"] == "GET"
            and scope["http_version"] in ("1.0", "1.1")
        ):
            self._offer = _Offer(self, chunked=scope["http_version"] == "1.1")
            scope["extensions"][EXTENSION] = self._offer
        self._answering += 1
        try:
            if not self._stopped:
                await self._host.app(scope, receive, send, sync_spawn, call_soon)
        finally:
            self._answering -= 1
            self._offer = None
            if self._lost:
                # Hypercorn may wait for ever for the end of an answer, or linger.
                self._host.loop.call_soon(self._stop)

    def _hand_over(self, offer: _Offer, seat: Seat, *, chunked: bool) -> bool:
        transport = self._transport
        if (
            transport is None
            or transport.is_closing()
            or seat.closed
            or self._offer is not offer
            or self._waiting_reader is None
            or self._waiting_reader.done()
        ):
            return False
        self._flush()
        self._release()
        self._host.streams.adopt(transport, seat, chunked=chunked)
        return True

    # --- shutting down ---------------------------------------------------------------------

    def abort(self) -> None:
        """Close without waiting for the client."""
        if self._transport is not None:
            self._transport.abort()

    # --- inside ----------------------------------------------------------------------------

    async def _serve(self) -> None:
        host = self._host
        await TCPServer(
            self._call_app,
            host.loop,
            host.config,
            host.context,
            host.state,
            cast(asyncio.StreamReader, self),
            cast(asyncio.StreamWriter, self),
        )

    def _served(self, task: asyncio.Task[None]) -> None:
        self._host.connections.discard(self)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a connection ended in an error", exc_info=task.exception())
            self.abort()

    def _release(self) -> None:
        """Let go of the transport: to Hypercorn the connection is over."""
        self._transport = None
        self._end_input()
        self.resume_writing()
        if self._closed is not None:
            self._closed.set()

    def _flush(self) -> None:
        data, self._outgoing = self._outgoing, b""
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _end_input(self) -> None:
        self._eof = True
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._waiting_reader is not None and not self._waiting_reader.done():
            self._waiting_reader.set_result(None)

    def _stop(self) -> None:
        # While a request is being answered, cancelling would orphan its handler; it is told of
        # the disconnect, or fails to write, and this is called again.
        if self._task is not None and not self._answering:
            self._stopped = True
            self._task.cancel()


class _Offer:
    """The SocketOffer of one request."""

    __slots__ = ("_chunked", "_connection")

    def __init__(self, connection: Connection, *, chunked: bool) -> None:
        self._connection = connection
        self._chunked = chunked

    async def detach(self, seat: Seat) -> bool:
        return self._connection._hand_over(self, seat, chunked=self._chunked)
