"""Serve an ASGI app: Hypercorn's protocols on our connections, from start-up to the last byte."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..errors import ConfigurationError
from ..metrics import Metrics
from . import collector
from .connection import Connection, Host
from .hypercorn_contract import (
    AppWrapper,
    ASGIFramework,
    Config,
    Lifespan,
    LifespanFailureError,
    LifespanState,
    LifespanTimeoutError,
    Sockets,
    WorkerContext,
    wrap_app,
)
from .socket_subscriber import StreamLimits, Streams
from .stopping import Stop

ACCEPTS_A_TURN = 4
"""Connections accepted in one turn of the event loop. When 5,000 came at once, accepting as many
as there were made them all half-answered together, and memory for that was never given back: 26 KB
a stream against 3.5 KB, at the same cost of accepting."""

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
    sockets: Sockets,
    *,
    limits: StreamLimits,
    metrics: Metrics,
    stop: Stop,
    hooks: Hooks,
    drain_seconds: float,
) -> None:
    """Serve `app` on `sockets`, which are closed in the end, until `stop`.

    The end takes a bounded time, in this order: unready, no new connections, streams drained,
    requests under way answered, the rest cut off, the app's own shutdown. A second request to stop
    skips the waiting.
    Raises ConfigurationError when the app cannot start.
    """
    wrapped = wrap_app(app, config.wsgi_max_body_size, "asgi")
    with _closing(sockets):
        async with _lifespan(wrapped, config, stop) as state:
            if stop.requested.is_set():
                return
            streams = Streams(limits, metrics, asyncio.get_running_loop().time)
            host = Host(wrapped, config, WorkerContext(None), state, streams)
            servers = await _start(host, sockets)
            collector.settle()
            hooks.started()
            try:
                await stop.requested.wait()
            finally:
                hooks.stopping()
                for server in servers:
                    server.close()
                await _end(host, stop, hooks, drain_seconds)


@contextmanager
def _closing(sockets: Sockets) -> Iterator[None]:
    try:
        yield
    finally:
        for sock in (*sockets.secure_sockets, *sockets.insecure_sockets):
            sock.close()


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


async def _start(host: Host, sockets: Sockets) -> list[asyncio.Server]:
    config = host.config
    listen = partial(host.loop.create_server, partial(Connection, host), backlog=ACCEPTS_A_TURN)
    listen_tls = partial(
        listen,
        ssl=config.create_ssl_context(),
        ssl_handshake_timeout=config.ssl_handshake_timeout,
        # A client that does not answer our close_notify would keep its stream open for 30 s.
        ssl_shutdown_timeout=config.graceful_timeout,
    )
    servers = [await listen(sock=sock) for sock in sockets.insecure_sockets]
    servers += [await listen_tls(sock=sock) for sock in sockets.secure_sockets]
    for sock in (*sockets.insecure_sockets, *sockets.secure_sockets):
        # asyncio takes one number for both: what the kernel keeps, and what is accepted in a turn.
        sock.listen(config.backlog)
    return servers


async def _end(host: Host, stop: Stop, hooks: Hooks, drain_seconds: float) -> None:
    """Close all connections, streams first: Hypercorn waits for the requests they are."""
    config = host.config
    await stop.patiently(hooks.drain(drain_seconds), drain_seconds + _OVERRUN_SECONDS)
    await host.context.terminated.set()
    for connection in host.connections:
        connection.terminate()
    await stop.patiently(_emptied(host), config.graceful_timeout)
    for connection in host.connections:
        connection.abort()
    for subscriber in host.streams.open:
        subscriber.abort()
    if not await _within(_URGENT_SECONDS, _emptied(host)):
        _log.error("%d connections did not end", len(host.connections))


async def _emptied(host: Host) -> None:
    await host.connections.emptied()
    await host.streams.open.emptied()


async def _within(seconds: float, work: Coroutine[Any, Any, None]) -> bool:
    try:
        await asyncio.wait_for(work, seconds)
    except TimeoutError:
        return False
    return True
