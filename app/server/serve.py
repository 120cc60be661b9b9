"""Serve an ASGI app: Hypercorn's protocols on our connections, from start-up to the last byte."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..errors import ConfigurationError
from ..metrics import Metrics
from .connection import Connection
from .hypercorn_contract import (
    AppWrapper,
    ASGIFramework,
    Config,
    Lifespan,
    LifespanFailureError,
    LifespanState,
    LifespanTimeoutError,
    wrap_app,
)
from .limits import Limits
from .shared import Shared
from .sockets import BACKLOG
from .stopping import Stop
from .tls import Certificate

ACCEPTS_A_TURN = 64
"""Connections accepted in one turn of the event loop. A request waits for all connections that
came before its own: they are accepted faster than streams are opened, which `Admission` holds back.
"""

COLLECTOR_THRESHOLDS = (5000, 20, 10)
"""Of the garbage collector, measured at 10,000 streams: a rarer oldest generation let churn grow
memory by 12 MB a round, and the interpreter's own (700, 10, 10) was half the cost of accepting a
stream."""

_URGENT_SECONDS = 1.0
"""How long whatever cannot be skipped may take once patience is over."""

_OVERRUN_SECONDS = 0.5
"""How much longer than asked the closing of streams may take."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the app wants to be told of.

    `started`: it is ready and the sockets listen. `stopping`: take no more streams and say so at
    `/readyz`. `drain(seconds)`: end all streams, spread over about so many seconds.
    """

    started: Callable[[], None]
    stopping: Callable[[], None]
    drain: Callable[[float], Coroutine[Any, Any, None]]


async def serve(
    app: ASGIFramework,
    config: Config,
    sock: socket.socket,
    *,
    certificate: Certificate | None = None,
    limits: Limits,
    metrics: Metrics,
    stop: Stop,
    hooks: Hooks,
    drain_seconds: float,
) -> None:
    """Serve `app` on `sock`, with TLS where there is a certificate, until `stop`.

    The end takes a bounded time, in this order: unready, no new connections, streams drained,
    requests under way answered, the rest cut off, the app's own shutdown. A second request to stop
    skips the waiting.
    Raises ConfigurationError when the app cannot start.
    """
    wrapped = wrap_app(app, config.wsgi_max_body_size, "asgi")
    async with _lifespan(wrapped, config, stop) as state:
        if stop.requested.is_set():
            return
        shared = Shared(app, config, limits, metrics, state)
        async with _watching(certificate):
            server = await _start(shared, sock, certificate)
            try:
                settle_collector()
                hooks.started()
                await stop.requested.wait()
            finally:
                hooks.stopping()
                server.close()
                await _end(shared, stop, hooks, drain_seconds)


def settle_collector() -> None:
    """Take what start-up made out of every later collection of garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


@asynccontextmanager
async def _watching(certificate: Certificate | None) -> AsyncIterator[None]:
    """Have the certificate's files looked at while the context lasts."""
    if certificate is None:
        yield
        return
    task = asyncio.create_task(certificate.watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


@asynccontextmanager
async def _lifespan(app: AppWrapper, config: Config, stop: Stop) -> AsyncIterator[LifespanState]:
    """Start the app, unless asked to stop meanwhile, and shut it down at the end."""
    state: LifespanState = {}
    lifespan = Lifespan(app, config, asyncio.get_running_loop(), state)
    task = asyncio.create_task(lifespan.handle_lifespan())
    try:
        started = await stop.unless_requested(lifespan.wait_for_startup())
        if task.done():
            task.result()
        try:
            yield state
        finally:
            if started:
                await _shut_down(lifespan, config, stop)
    except LifespanFailureError as error:
        raise ConfigurationError(str(error)) from error
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def _shut_down(lifespan: Lifespan, config: Config, stop: Stop) -> None:
    """Run the app's own shutdown: it closes the database and must be short, but not cut short."""
    seconds = _URGENT_SECONDS if stop.urgent.is_set() else config.shutdown_timeout
    try:
        await asyncio.wait_for(lifespan.wait_for_shutdown(), seconds)
    except (TimeoutError, LifespanTimeoutError):
        _log.error("the app did not shut down within %g s", seconds)


async def _start(
    shared: Shared, sock: socket.socket, certificate: Certificate | None
) -> asyncio.Server:
    config = shared.config
    tls: dict[str, Any] = {}
    if certificate is not None:
        tls = {
            "ssl": certificate.context,
            "ssl_handshake_timeout": config.ssl_handshake_timeout,
            # A client that does not answer our close_notify would keep its stream open for 30 s.
            "ssl_shutdown_timeout": config.graceful_timeout,
        }
    connection = partial(Connection, shared)
    server = await shared.loop.create_server(connection, sock=sock, backlog=ACCEPTS_A_TURN, **tls)
    # asyncio takes one number for both: what the kernel keeps, and what is accepted in a turn.
    sock.listen(BACKLOG)
    return server


async def _end(shared: Shared, stop: Stop, hooks: Hooks, drain_seconds: float) -> None:
    """Close all connections, streams first: Hypercorn waits for the requests they are."""
    config = shared.config
    await stop.patiently(hooks.drain(drain_seconds), drain_seconds + _OVERRUN_SECONDS)
    await shared.context.terminated.set()
    for connection in shared.connections:
        connection.terminate()
    await stop.patiently(_emptied(shared), config.graceful_timeout)
    for connection in shared.connections:
        connection.abort()
    for subscriber in shared.streams.open:
        subscriber.abort()
    if not await _within(_URGENT_SECONDS, _emptied(shared)):
        _log.error("%d connections did not end", len(shared.connections))


async def _emptied(shared: Shared) -> None:
    await shared.connections.emptied()
    await shared.streams.open.emptied()


async def _within(seconds: float, work: Coroutine[Any, Any, None]) -> bool:
    try:
        await asyncio.wait_for(work, seconds)
    except TimeoutError:
        return False
    return True
