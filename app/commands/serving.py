"""`kpi-stream demo`, `serve` and `publish`: what runs until it is stopped."""

from __future__ import annotations

import asyncio

import click

from ..access.bind import require_safe_bind
from ..data.database import Database
from ..data.demo.feed import DemoFeed
from ..environment import load_settings
from ..gateway import Front, open_front, run_gateway, run_workers
from ..metrics import Board
from ..server.stopping import Stop
from ..server.worker import Worker
from ..service import open_publisher
from ..settings import Settings
from .running import create_schema, database, plain_errors, say


def say_started(front: Front) -> None:
    """Tell the user where the dashboard is."""
    everywhere = "" if front.bind.is_local else f", listening on {front.bind}"
    if front.bind.path is not None:
        everywhere = f"; curl --unix-socket {front.bind.path} http://localhost/"
    say(f"Dashboard    {front.url}   (Ctrl-C stops everything{everywhere})")


@click.command()
def demo() -> None:
    """Run it all on real input: a database, this machine's KPIs and simulated business ones."""

    async def serve_until_stopped(settings: Settings, front: Front) -> None:
        stop = Stop()
        with stop.on_signals():
            async with database(settings) as complete:
                await create_schema(complete)
                async with Database(complete) as opened, DemoFeed(opened):
                    await run_gateway(complete, front, stop, started=lambda: say_started(front))

    with plain_errors():
        settings = load_settings()
        require_safe_bind(settings)
        if settings.workers > 1:
            say(f"KPI_WORKERS={settings.workers} is for kpi-stream serve; the demo is one process")
        with open_front(settings) as front:
            asyncio.run(serve_until_stopped(settings, front))


@click.command()
def serve() -> None:
    """Serve the KPIs of a database to browsers and curl."""

    async def serve_until_stopped(settings: Settings, front: Front) -> None:
        stop = Stop()
        with stop.on_signals():
            async with database(settings) as complete:
                await run_gateway(complete, front, stop, started=lambda: say_started(front))

    async def run_worker(front: Front, worker: Worker, board: Board) -> None:
        stop = Stop()
        with stop.on_signals():
            async with database(settings) as complete:
                await run_gateway(
                    complete, front, stop, started=worker.ready, worker=worker, board=board
                )

    with plain_errors():
        settings = load_settings()
        require_safe_bind(settings)
        if settings.workers > 1:
            raise SystemExit(run_workers(settings, run_worker, started=say_started))
        with open_front(settings) as front:
            asyncio.run(serve_until_stopped(settings, front))


@click.command()
def publish() -> None:
    """Poll the database for all gateways and tell them through Redis; several may run."""

    async def serve_until_stopped(settings: Settings) -> None:
        stop = Stop()
        with stop.on_signals():
            async with database(settings) as complete, open_publisher(complete, say):
                await stop.requested.wait()

    with plain_errors():
        asyncio.run(serve_until_stopped(load_settings()))
