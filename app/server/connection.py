"""One client connection: its socket and Hypercorn's protocols, until the socket is handed over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from ..live.detach import EXTENSION
from ..live.fanout import Subscription
from .hypercorn_contract import (
    AppWrapper,
    Closed,
    Config,
    ConnectionState,
    Event,
    LifespanState,
    ProtocolWrapper,
    RawData,
    TaskGroup,
    Updated,
    WorkerContext,
    parse_socket_addr,
)
from .registry import Registry
from .socket_subscriber import Streams

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
    """The bytes of one socket, read for Hypercorn's protocols and written for them.

    It is what Hypercorn's TCP server is to them, with one task where that has three, and tells the
    app of each HTTP/1.x request how to detach: the transport then gets another protocol, and
    Hypercorn's side sees the end of the input, unwinds and reaches the socket no more.
    """

    __slots__ = (
        "_answering",
        "_buffer",
        "_eof",
        "_host",
        "_idle",
        "_lost",
        "_offer",
        "_outgoing",
        "_protocol",
        "_stopped",
        "_task",
        "_transport",
        "_waiting",
        "_writable",
    )

    def __init__(self, host: Host) -> None:
        self._host = host
        self._transport: asyncio.Transport | None = None
        self._protocol: ProtocolWrapper | None = None
        self._task: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._buffer = b""
        self._outgoing = b""
        self._eof = False
        self._lost = False
        self._waiting: asyncio.Future[None] | None = None
        self._writable: asyncio.Event | None = None
        self._answering = 0
        self._stopped = False
        self._offer: _Offer | None = None

    # --- the event loop's side -------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start Hypercorn on the new connection."""
        self._transport = cast(asyncio.Transport, transport)
        self._host.connections.add(self)
        self._task = self._host.loop.create_task(self._serve(self._transport))
        self._task.add_done_callback(self._served)

    def data_received(self, data: bytes) -> None:
        """Keep what came until Hypercorn has dealt with what came before."""
        self._buffer += data
        self._wake()
        if len(self._buffer) >= _READ_AHEAD_BYTES and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> None:
        """Close once all is sent: Hypercorn takes it as a disconnect."""
        self._flush()

    def pause_writing(self) -> None:
        """Let whoever writes wait."""
        self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        """Let whoever writes go on."""
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell Hypercorn that the client is gone, and see to it that its task ends."""
        self._lost = True
        self._release()
        # It may be held up by what nobody takes from it any more.
        self._host.loop.call_soon(self._stop)

    # --- Hypercorn's side ------------------------------------------------------------------

    async def _serve(self, transport: asyncio.Transport) -> None:
        """Let Hypercorn read to the end of the input, and wait for the requests it has begun."""
        host = self._host
        encrypted = transport.get_extra_info("ssl_object")
        family = transport.get_extra_info("socket").family
        async with TaskGroup(host.loop) as requests:
            self._protocol = protocol = ProtocolWrapper(
                self._call_app,
                host.config,
                host.context,
                requests,
                ConnectionState(host.state),
                encrypted is not None,
                parse_socket_addr(family, transport.get_extra_info("peername")),
                parse_socket_addr(family, transport.get_extra_info("sockname")),
                self._do,
                "http/1.1" if encrypted is None else encrypted.selected_alpn_protocol(),
            )
            await protocol.initiate()
            self._update(idle=True)
            while data := await self._read():
                await protocol.handle(RawData(data))
            await protocol.handle(Closed())

    async def _read(self) -> bytes:
        """Return what has come once something has, nothing at the end."""
        if not self._buffer and not self._eof:
            self._waiting = self._host.loop.create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        data, self._buffer = self._buffer, b""
        if len(data) >= _READ_AHEAD_BYTES and self._transport is not None:
            self._transport.resume_reading()
        return data

    async def _do(self, event: Event) -> None:
        """Do what a protocol asks for: write, close, or mind whether a request is under way."""
        if isinstance(event, RawData):
            if self._transport is None and self._protocol is not None:
                # Whoever is held up cannot have read that the client is gone.
                await self._protocol.handle(Closed())
            self._write(event.data)
            if self._writable is not None:
                await self._writable.wait()
        elif isinstance(event, Updated):
            self._update(idle=event.idle)
        elif isinstance(event, Closed):
            self.close()

    def _update(self, *, idle: bool) -> None:
        """Close, after a while, a connection on which nothing is asked."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if idle and self._transport is not None:
            if self._host.context.terminated.is_set():
                self.close()
            else:
                timeout = self._host.config.keep_alive_timeout
                self._idle = self._host.loop.call_later(timeout, self.close)

    def _write(self, data: bytes) -> None:
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
            offer = _Offer(self, send, chunked=scope["http_version"] == "1.1")
            self._offer = scope["extensions"][EXTENSION] = offer
            try:
                await self._host.app(scope, receive, offer.send, sync_spawn, call_soon)
            finally:
                self._offer = None
                del scope["extensions"][EXTENSION]  # it refers to what holds this scope
        elif not self._stopped:
            self._answering += 1
            try:
                await self._host.app(scope, receive, send, sync_spawn, call_soon)
            finally:
                self._answering -= 1
                if self._lost:
                    # Hypercorn may wait for ever for the end of an answer.
                    self._host.loop.call_soon(self._stop)

    def _hand_over(self, offer: _Offer, subscription: Subscription, *, chunked: bool) -> bool:
        transport = self._transport
        if (
            transport is None
            or transport.is_closing()
            or subscription.closed
            or self._offer is not offer
            or self._waiting is None
            or self._waiting.done()
        ):
            return False
        self._flush()
        self._release()
        self._host.streams.adopt(transport, subscription, chunked=chunked)
        return True

    # --- shutting down ---------------------------------------------------------------------

    def terminate(self) -> None:
        """Close at once where nothing is asked; `terminated` is set in Hypercorn's context."""
        if self._idle is not None:
            self.close()

    def close(self) -> None:
        """Close once all is sent."""
        self._flush()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()

    def abort(self) -> None:
        """Close without waiting for the client."""
        if self._transport is not None:
            self._transport.abort()

    # --- inside ----------------------------------------------------------------------------

    def _served(self, task: asyncio.Task[None]) -> None:
        self._host.connections.discard(self)
        # These refer to each other; freed now they are no work for the garbage collector.
        self._protocol = self._task = None
        if not task.cancelled() and task.exception() is not None:
            _log.error("a connection ended in an error", exc_info=task.exception())
        self.abort()

    def _release(self) -> None:
        """Let go of the transport: to Hypercorn the connection is over."""
        self._transport = None
        self._update(idle=False)
        self._eof = True
        self._wake()
        self.resume_writing()

    def _flush(self) -> None:
        data, self._outgoing = self._outgoing, b""
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _stop(self) -> None:
        # While a request without an offer is being answered, cancelling would orphan its handler;
        # it is told of the disconnect, or fails to write, and this is called again.
        if self._task is not None and not self._answering:
            self._stopped = True
            self._task.cancel()


class _Offer:
    """The SocketOffer of one request."""

    __slots__ = ("_chunked", "_connection", "_detached", "_send")

    def __init__(
        self, connection: Connection, send: Callable[[Any], Awaitable[None]], *, chunked: bool
    ) -> None:
        self._connection = connection
        self._send = send
        self._chunked = chunked
        self._detached = False

    async def detach(self, subscription: Subscription) -> bool:
        self._detached = self._connection._hand_over(self, subscription, chunked=self._chunked)
        return self._detached

    async def send(self, message: Any) -> None:
        """Pass on what the app sends, until the socket is no longer this request's."""
        if not self._detached:
            await self._send(message)
