"""A gateway with everything real, in this process, on a port of its own.

All that it answers is held against the description.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.data.database import Database
from app.http.factory import create_app
from app.server.config import configure
from app.server.limits import Limits
from app.server.serve import Hooks, serve
from app.server.sockets import listening
from app.server.stopping import Stop
from app.service import Service, open_service
from app.settings import Settings
from tests import described
from tests.world import Hand


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what nothing can be awaited for: that a closed socket has been noticed, say."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@dataclass(frozen=True)
class Gateway:
    """A gateway, its port, and the hand of its database's clock where that is shadowed."""

    service: Service
    port: int
    hand: Hand
    stop: Stop

    @property
    def database(self) -> Database:
        return self.service.database


@asynccontextmanager
async def open_gateway(settings: Settings, port: int = 0) -> AsyncIterator[Gateway]:
    anywhere = settings.model_copy(update={"bind": f"127.0.0.1:{port}"})
    with listening(anywhere.address, send_timeout_seconds=30) as (sock, bind):
        async with _served(settings, sock, bind.port) as gateway:
            yield gateway


@asynccontextmanager
async def _served(settings: Settings, sock: socket.socket, port: int) -> AsyncIterator[Gateway]:
    stop, ready = Stop(), asyncio.Event()
    async with open_service(settings) as service, asyncio.TaskGroup() as group:
        hub = service.hub
        app = create_app(service)
        undescribed = described.watch(app)
        serving = serve(
            app,
            configure(settings),
            sock,
            limits=Limits.of(settings),
            metrics=service.metrics,
            stop=stop,
            hooks=Hooks(started=ready.set, stopping=hub.refuse_more, drain=hub.drain),
            drain_seconds=settings.drain_seconds,
        )
        task = group.create_task(serving)
        task.add_done_callback(lambda _: ready.set())
        async with asyncio.timeout(20):
            await ready.wait()
        yield Gateway(service, port, Hand(service.database), stop)
        stop.request()
    assert not undescribed, undescribed
