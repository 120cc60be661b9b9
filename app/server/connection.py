"""One client connection: its socket and Hypercorn's protocols, until the socket is detached."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from ..live.fanout import Subscription
from .client_reader import ClientReader
from .client_writer import ClientWriter
from .hypercorn_contract import (
    Closed,
    Event,
    H2ProtocolAssumedError,
    Http1Protocol,
    Http2Protocol,
    RawData,
    make_protocol,
    speaks_http2,
)
from .plain_request import answer_plain, asks_for_stream, read_plain
from .request_tasks import Receive, RequestTasks, Send
from .shared import Shared

_FRAMES_BYTES = 2048
"""HTTP/2 that is read in one piece: of the smallest frames 20 ms, where all that came took 160."""

_log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """The bytes of one socket, read for Hypercorn's protocols and written for them.

    It is what Hypercorn's TCP server is to them, in one task, and tells the app of an HTTP/1.x
    request how to detach: the transport then gets another protocol, and Hypercorn's side sees the
    end of the input, unwinds and reaches the socket no more.

    However it ends, all its tasks are cancelled and awaited, so that its requests leave what they
    have subscribed to.
    """

    __slots__ = (
        "_busy",
        "_deadline",
        "_head_begun",
        "_http2",
        "_reader",
        "_shared",
        "_task",
        "_transport",
        "_writer",
    )

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._busy = False
        self._head_begun = False
        self._http2 = False

    # --- the event loop's side -------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request, unless there are too many connections."""
        self._transport = cast(asyncio.Transport, transport)
        self._reader = ClientReader(self._transport, self._shared.loop)
        self._writer = ClientWriter(self._transport, self._shared.loop)
        if not self._shared.make_room():
            # Without an answer: after any status but 200 an EventSource would not come back.
            self._transport.abort()
            return
        self._shared.connections.add(self)
        self._shared.metrics.connections_opened += 1
        self._shared.idle[self] = None
        self._close_after(self._shared.limits.header_timeout_seconds)

    def data_received(self, data: bytes) -> None:
        """Keep what came until Hypercorn has dealt with what came before."""
        if self._task is None:
            if self._transport is None or self._transport.is_closing():
                return
            if not self._head_begun:
                self._head_begun = True
                self._reader.put(data)
                if asks_for_stream(data):
                    self._shared.admission.enter(self)
                else:
                    self.begin()
                return
        elif not self._busy and not self._head_begun and not self._http2:
            self._head_begun = True
            self._close_after(self._shared.limits.header_timeout_seconds)
        self._reader.put(data)

    def begin(self) -> None:
        """Answer what has come and what comes."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        scope = read_plain(self._reader.data, transport, *self._shared.for_scopes)
        serve = self._serve(transport) if scope is None else self._serve_plain(transport, scope)
        self._task = self._shared.loop.create_task(serve)
        self._task.add_done_callback(self._served)

    def eof_received(self) -> bool:
        """Answer what was asked before the client closed its side (RFC 9112, 9.6), then close.

        A client that is gone looks the same until something is sent to it, so the time is short.
        """
        if self._transport is None or not (self._task or self._head_begun):
            return False
        self._set_deadline(self._shared.limits.half_closed_seconds, self.close)
        self._reader.end()
        # asyncio's TLS has no half-closed connections.
        return self._transport.get_extra_info("ssl_object") is None

    def pause_writing(self) -> None:
        """Let whoever writes wait."""
        self._writer.pause()

    def resume_writing(self) -> None:
        """Let whoever writes go on."""
        self._writer.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """End all that is being done for the client."""
        if self in self._shared.connections:
            self._shared.metrics.connections_closed += 1
        self._release()
        if self._task is not None:
            self._task.cancel()
        self._forget_if_over()

    # --- a plain request's side ------------------------------------------------------------

    async def _serve_plain(self, transport: asyncio.Transport, scope: Any) -> None:
        """Answer the first request; where its socket was not detached, wait for the next."""
        self._reader.take()
        self._set_busy(True)
        gone, config = self._reader.more(), self._shared.config
        if not await answer_plain(self._answer, scope, gone, self._write, config):
            self.abort()
        elif not self._reader.ended:
            self._set_busy(False)
            await self._serve(transport)

    # --- Hypercorn's side ------------------------------------------------------------------

    async def _serve(self, transport: asyncio.Transport) -> None:
        """Speak HTTP to the end of the input; then end what is still running."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = RequestTasks(group, self._answer, self._set_busy)
                await self._speak(transport, tasks)
                tasks.cancel()
        except Exception as error:
            # A client's doing, most likely; whatever ran has been cancelled by the group.
            self._shared.metrics.connections_failed += 1
            _log.info("a connection was closed after an error in its protocol", exc_info=error)
            self.abort()

    async def _speak(self, transport: asyncio.Transport, tasks: RequestTasks) -> None:
        self._http2 = speaks_http2(transport)
        make = partial(make_protocol, *self._shared.for_protocols, tasks, transport, self._do)
        protocol = make(Http2Protocol if self._http2 else Http1Protocol)
        await protocol.initiate()
        while data := await self._reader.read():
            try:
                await self._hand_over(data, protocol)
            except H2ProtocolAssumedError as preface:
                self._http2 = True
                protocol = make(Http2Protocol)
                await protocol.initiate()
                await self._hand_over(preface.data, protocol)
        if self._transport is not None and not self._http2:
            await tasks.answered()
        await protocol.handle(Closed())

    async def _hand_over(self, data: bytes, protocol: Http1Protocol | Http2Protocol) -> None:
        """Let a protocol read what came; of HTTP/2 a little at a time, others have turns."""
        size = _FRAMES_BYTES if self._http2 else len(data)
        for first in range(0, len(data), size):
            if first:
                await asyncio.sleep(0)
            await protocol.handle(RawData(data[first : first + size]))

    async def _do(self, event: Event) -> None:
        """Do what a protocol asks for: write or close."""
        if isinstance(event, RawData):
            await self._write(event.data)
        elif isinstance(event, Closed):
            self.close()

    async def _write(self, data: bytes) -> None:
        """Write, and wait for a client that is behind, but not for long."""
        self._writer.write(data)
        seconds = self._shared.limits.send_timeout_seconds
        if self._writer.behind and not await self._writer.taken(seconds):
            self._cut_off()

    # --- the app's side --------------------------------------------------------------------

    async def _answer(self, scope: Any, receive: Receive, send: Send) -> None:
        handler = self._shared.handler
        await handler.handle(scope, receive, send, detach=self._detach, cut_off=self._cut_off)

    def _set_busy(self, busy: bool) -> None:
        """Mind whether anything is being answered; else the time is limited."""
        self._busy, self._head_begun = busy, False
        if busy:
            self._shared.idle.pop(self, None)
            if not self._reader.ended:
                self._stop_waiting()
        elif self._transport is not None:
            self._shared.admission.leave(self)
            self._shared.idle[self] = None
            if self._shared.context.terminated.is_set():
                self.close()
            elif not self._reader.ended:
                self._close_after(self._shared.limits.keep_alive_seconds)

    def _detach(self, subscription: Subscription, chunked: bool) -> bool:
        """Let the subscription have the socket; the offer's docstring says when it cannot."""
        transport = self._transport
        if (
            transport is None
            or transport.is_closing()
            or subscription.closed
            or not self._reader.idle
        ):
            return False
        self._writer.flush()
        self._release()
        self._shared.streams.detach(transport, subscription, chunked=chunked)
        return True

    # --- the end ---------------------------------------------------------------------------

    def terminate(self) -> None:
        """Close at once where nothing is asked; `terminated` is set in Hypercorn's context."""
        if not self._busy:
            self.close()

    def close(self) -> None:
        """Close once all is sent, or when the client takes too long over it."""
        self._writer.flush()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
            self._set_deadline(self._shared.limits.send_timeout_seconds, self.abort)

    def abort(self) -> None:
        """Close without waiting for the client."""
        if self._transport is not None:
            self._transport.abort()

    def _cut_off(self) -> None:
        """Close on a client that does not take what it asked for."""
        self._shared.metrics.slow_readers_closed += 1
        self.abort()

    def _close_after(self, seconds: float) -> None:
        self._set_deadline(seconds, self._time_out)

    def _set_deadline(self, seconds: float, act: Callable[[], None]) -> None:
        self._stop_waiting()
        self._deadline = self._shared.loop.call_later(seconds, act)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _time_out(self) -> None:
        self._shared.metrics.connections_timed_out += self._head_begun
        self.close()

    def _served(self, task: asyncio.Task[None]) -> None:
        self._task = None
        self.close()
        self._forget_if_over()
        if not task.cancelled():
            task.result()

    def _forget_if_over(self) -> None:
        if self._task is None and self._transport is None:
            self._shared.connections.discard(self)

    def _release(self) -> None:
        """Let go of the transport: to Hypercorn the connection is over."""
        self._transport = None
        self._stop_waiting()
        self._reader.release()
        self._writer.release()
        self._shared.idle.pop(self, None)
        self._shared.admission.leave(self)
