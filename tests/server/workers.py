"""A supervisor with real workers, as a process: prints the port, then what happens.

Arguments: how many workers, and optionally how worker 1 misbehaves: `refuse` to start, or
`ignore` requests to stop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from quart import Quart

from app.bind import Bind
from app.errors import ConfigurationError
from app.metrics import Metrics
from app.server.config import configure
from app.server.limits import Limits
from app.server.serve import Hooks, serve
from app.server.sockets import listening
from app.server.stopping import Stop
from app.server.supervisor import Supervisor
from app.server.worker import Worker
from app.settings import Settings

ANYWHERE = Bind("127.0.0.1", 0)


def create_app() -> Quart:
    app = Quart(__name__)

    @app.get("/process")
    async def process() -> str:
        return str(os.getpid())

    return app


async def work(worker: Worker, bind: Bind, misbehaviour: str) -> None:
    if worker.index == 1 and misbehaviour == "refuse":
        raise ConfigurationError("I will not")
    if worker.index == 1 and misbehaviour == "ignore":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        worker.ready()
        await asyncio.sleep(60)
    stop = Stop()

    async def drain(seconds: float) -> None:
        pass

    with (
        stop.on_signals(),
        stop.with_parent(worker.lifeline),
        listening(bind, send_timeout_seconds=30, shared=True) as (sock, _),
    ):
        await serve(
            create_app(),
            configure(Settings()),
            sock,
            limits=Limits(),
            metrics=Metrics(),
            stop=stop,
            hooks=Hooks(started=worker.ready, stopping=lambda: None, drain=drain),
            drain_seconds=0,
        )


def main(count: int, misbehaviour: str = "") -> int:
    with listening(ANYWHERE, send_timeout_seconds=30, shared=True) as (_, bind):
        return Supervisor(
            count,
            lambda worker: asyncio.run(work(worker, bind, misbehaviour)),
            started=lambda: print(bind.port, flush=True),
            patience_seconds=2 if misbehaviour == "ignore" else 20,
        ).run()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
