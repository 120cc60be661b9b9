"""One gateway process: a service, its application, and the server in front of both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from app.http.factory import create_app
from app.server.listening import configure, listen, raise_file_limit
from app.server.serve import Hooks, serve
from app.server.stopping import Stop
from app.server.streams import StreamLimits
from app.service import Service, open_service
from app.settings import Settings

Beside = Callable[[Service], AbstractAsyncContextManager[object]]


@asynccontextmanager
async def nothing(_: Service) -> AsyncIterator[None]:
    """Run nothing beside the gateway."""
    yield


async def run_gateway(
    settings: Settings, *, beside: Beside = nothing, started: Callable[[], None]
) -> None:
    """Serve until SIGINT or SIGTERM, with something running beside, and end in good order."""
    stop = Stop()
    config = configure(settings)
    raise_file_limit()
    sockets = listen(config, send_timeout_seconds=settings.send_timeout_seconds)
    with stop.on_signals():
        async with open_service(settings) as service, beside(service):
            await serve(
                create_app(service),
                config,
                sockets,
                limits=StreamLimits(send_timeout_seconds=settings.send_timeout_seconds),
                metrics=service.metrics,
                stop=stop,
                hooks=Hooks(
                    started=started, stopping=service.hub.refuse_more, drain=service.hub.drain
                ),
                drain_seconds=settings.drain_seconds,
            )
