"""A gateway with everything real, in this process, on a port of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.data.database import Database
from app.http.factory import create_app
from app.server.listening import configure, listen
from app.server.serve import Hooks, serve
from app.server.socket_subscriber import StreamLimits
from app.server.stopping import Stop
from app.service import Service, open_service
from app.settings import Settings
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
async def open_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    config = configure(settings.model_copy(update={"bind": f"fd://{sock.detach()}"}))
    sockets = listen(config, send_timeout_seconds=settings.send_timeout_seconds)
    stop, ready = Stop(), asyncio.Event()
    async with open_service(settings) as service, asyncio.TaskGroup() as group:
        hub = service.hub
        serving = serve(
            create_app(service),
            config,
            sockets,
            limits=StreamLimits(send_timeout_seconds=settings.send_timeout_seconds),
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
