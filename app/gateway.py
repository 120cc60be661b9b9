"""One gateway process, or several behind one port."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    nullcontext,
)
from dataclasses import dataclass
from typing import Any

from .http.factory import create_app
from .metrics import Board
from .server.listening import configure, listen, raise_file_limit, reserved
from .server.serve import Hooks, serve
from .server.socket_subscriber import StreamLimits
from .server.stopping import Stop
from .server.supervisor import Supervisor
from .server.worker import Worker
from .service import Service, open_service
from .settings import Settings

OVERTIME_SECONDS = 15.0
"""How much longer than the draining a worker may take to end before it is killed."""

Beside = Callable[[Service], AbstractAsyncContextManager[object]]


@asynccontextmanager
async def nothing(_: Service) -> AsyncIterator[None]:
    """Run nothing beside the gateway."""
    yield


@dataclass(frozen=True, slots=True)
class Place:
    """A process's place among those behind one port: the only one, or a worker."""

    worker: Worker | None = None
    board: Board | None = None

    @property
    def index(self) -> int:
        """The number of the process."""
        return 0 if self.worker is None else self.worker.index

    def until_parent_ends(self, stop: Stop) -> AbstractContextManager[None]:
        """Let a worker stop with its parent."""
        return nullcontext() if self.worker is None else stop.with_parent(self.worker.lifeline)


ALONE = Place()


async def run_gateway(
    settings: Settings,
    *,
    beside: Beside = nothing,
    started: Callable[[], None],
    place: Place = ALONE,
) -> None:
    """Serve until SIGINT or SIGTERM, with something running beside, and end in good order."""
    stop = Stop()
    config = configure(settings)
    raise_file_limit()
    sockets = listen(config, send_timeout_seconds=settings.send_timeout_seconds)
    with stop.on_signals(), place.until_parent_ends(stop):
        opening = open_service(settings, place.board, place.index)
        async with opening as service, beside(service):
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


def run_workers(
    settings: Settings,
    work: Callable[[Settings, Place], Coroutine[Any, Any, None]],
    *,
    started: Callable[[Settings], None],
) -> int:
    """Do `work` in as many processes as the settings say, until SIGINT or SIGTERM.

    Return the exit status. Must be called where no event loop runs: the workers are forked.
    """
    board = Board(settings.workers)
    with reserved(settings) as bound:
        logging.getLogger(__name__).info("%d workers on %s", bound.workers, bound.bind)
        return Supervisor(
            bound.workers,
            lambda worker: asyncio.run(work(bound, Place(worker, board))),
            started=lambda: started(bound),
            patience_seconds=settings.drain_seconds + OVERTIME_SECONDS,
        ).run()
