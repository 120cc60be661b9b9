"""One gateway process, or several behind one port."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from .bind import Bind, parse_bind
from .http.factory import create_admin_app, create_app
from .metrics import Board
from .server.config import configure
from .server.limits import Limits
from .server.serve import Hooks, serve
from .server.sockets import listening, raise_file_limit
from .server.stopping import Stop
from .server.supervisor import Supervisor
from .server.tls import Certificate
from .server.worker import Worker
from .service import Service, open_service
from .settings import Settings

OVERTIME_SECONDS = 15.0
"""How much longer than the draining a worker may take to end before it is killed."""

OTHER_FILES = 100
"""Files that a process needs besides its connections: database, Redis, modules, logs."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Front:
    """What clients connect to: a socket that is bound, and where it is."""

    sock: socket.socket
    bind: Bind
    certificate: Certificate | None
    limits: Limits

    @property
    def url(self) -> str:
        """Where this machine reaches it."""
        return self.bind.url("http" if self.certificate is None else "https")


@contextmanager
def open_front(settings: Settings, *, shared: bool = False) -> Iterator[Front]:
    """Take the port before anything else is begun; raises ConfigurationError where it is taken."""
    limits = _within_file_limit(settings)
    certificate = None
    if settings.tls_certificate is not None and settings.tls_key is not None:
        protocols = configure(settings).alpn_protocols
        certificate = Certificate(settings.tls_certificate, settings.tls_key, protocols)
    timeout = settings.send_timeout_seconds
    with listening(settings.address, send_timeout_seconds=timeout, shared=shared) as (sock, bind):
        yield Front(sock, bind, certificate, limits)


def _within_file_limit(settings: Settings) -> Limits:
    """Return the limits; there can be no more connections than files."""
    limits = Limits.of(settings)
    files = raise_file_limit()
    most = max(files - OTHER_FILES, 1)
    wanted = limits.max_connections or most
    if wanted > most or settings.max_streams > most:
        _log.warning(
            "only %d files may be open (ulimit -n), so there can be %d connections at most;"
            " KPI_MAX_STREAMS is %d",
            files,
            most,
            settings.max_streams,
        )
    return replace(limits, max_connections=min(wanted, most))


async def run_gateway(
    settings: Settings,
    front: Front,
    stop: Stop,
    *,
    started: Callable[[], None],
    worker: Worker | None = None,
    board: Board | None = None,
) -> None:
    """Serve until asked to stop, and end in good order; a `worker` also ends with its parent."""
    with nullcontext() if worker is None else stop.with_parent(worker.lifeline):
        index = 0 if worker is None else worker.index
        async with (
            open_service(settings, board, index) as service,
            _admin(settings, service, stop, shared=worker is not None),
        ):
            await serve(
                create_app(service),
                configure(settings),
                front.sock,
                certificate=front.certificate,
                limits=front.limits,
                metrics=service.metrics,
                stop=stop,
                hooks=Hooks(
                    started=started, stopping=service.hub.refuse_more, drain=service.hub.drain
                ),
                drain_seconds=settings.drain_seconds,
            )


@asynccontextmanager
async def _admin(
    settings: Settings, service: Service, stop: Stop, *, shared: bool
) -> AsyncIterator[None]:
    """Serve counts and readiness on an address of their own, where the settings name one."""
    if settings.admin_bind is None:
        yield
        return

    async def drain(_: float) -> None:
        """There are no streams here."""

    started = asyncio.Event()
    timeout = settings.send_timeout_seconds
    bind = parse_bind(settings.admin_bind)
    with listening(bind, send_timeout_seconds=timeout, shared=shared, setting="KPI_ADMIN_BIND") as (
        sock,
        _,
    ):
        async with asyncio.TaskGroup() as group:
            serving = serve(
                create_admin_app(service),
                configure(settings),
                sock,
                limits=Limits.of(settings),
                metrics=service.metrics,
                stop=stop,
                hooks=Hooks(started=started.set, stopping=lambda: None, drain=drain),
                drain_seconds=0,
            )
            task = group.create_task(serving)
            task.add_done_callback(lambda _: started.set())
            await started.wait()
            yield


def run_workers(
    settings: Settings,
    work: Callable[[Front, Worker, Board], Coroutine[Any, Any, None]],
    *,
    started: Callable[[Front], None],
) -> int:
    """Do `work` in as many processes as the settings say, until SIGINT, SIGTERM or SIGHUP.

    Return the exit status. Must be called where no event loop runs: the workers are forked.
    """
    board = Board(settings.workers)
    with open_front(settings, shared=True) as front:
        _log.info("%d workers on %s", settings.workers, front.bind)

        def run(worker: Worker) -> None:
            with _workers_own(settings, front) as own:
                asyncio.run(work(own, worker, board))

        return Supervisor(
            settings.workers,
            run,
            started=lambda: started(front),
            patience_seconds=settings.drain_seconds + OVERTIME_SECONDS,
        ).run()


@contextmanager
def _workers_own(settings: Settings, front: Front) -> Iterator[Front]:
    """Give a worker a socket of its own on the port that the parent holds without listening.

    A Unix socket and an inherited one exist once: the workers share the parent's.
    """
    if front.bind.path is not None or front.bind.descriptor is not None:
        yield front
        return
    timeout = settings.send_timeout_seconds
    with listening(front.bind, send_timeout_seconds=timeout, shared=True) as (sock, bind):
        yield replace(front, sock=sock, bind=bind)
