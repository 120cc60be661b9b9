"""A cancellation wins, also over a server that is frozen: whoever is cancelled ends, and soon."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from app.data.database import Connection, Database
from app.data.demo.feed import DemoFeed
from app.data.rollups import Rollups
from app.settings import Settings
from tests.world import execute, fetch

ENDED_SECONDS = 15.0


@contextmanager
def frozen(backend_pid: int) -> Iterator[None]:
    """Stop the whole server that has this backend, and let it go on."""
    postmaster = psutil.Process(backend_pid).parent()
    assert postmaster is not None
    stopped = [postmaster, *postmaster.children()]
    try:
        send(signal.SIGSTOP, stopped)
        yield
    finally:
        send(signal.SIGCONT, stopped)


def send(number: signal.Signals, processes: list[psutil.Process]) -> None:
    """Send a signal to all that are still there: a former test's connection may just be ending."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


async def pid(database: Database) -> int:
    found: int = (await fetch(database, "SELECT pg_backend_pid()"))[0][0]
    return found


async def asking(database: Database, way: str, begun: asyncio.Event) -> None:
    async def sleep(connection: Connection) -> None:
        begun.set()
        await connection.execute("SELECT pg_sleep(60)")

    if way == "read":
        await database.read(sleep)
    elif way == "transaction":
        async with database.transaction() as connection:
            await sleep(connection)
    else:
        async with database.session(60) as connection:
            await sleep(connection)


@pytest.mark.parametrize("way", ["read", "transaction", "session"])
async def test_a_question_to_a_frozen_server_is_cancelled(settings: Settings, way: str) -> None:
    async with Database(settings) as database, asyncio.timeout(ENDED_SECONDS):
        begun = asyncio.Event()
        backend = await pid(database)
        task = asyncio.create_task(asking(database, way, begun))
        await begun.wait()
        with frozen(backend):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_whoever_cannot_connect_is_cancelled(settings: Settings) -> None:
    async with Database(settings) as database, asyncio.timeout(ENDED_SECONDS):
        with frozen(await pid(database)):
            task = asyncio.create_task(execute(database, "SELECT 1"))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


@pytest.mark.slow
@pytest.mark.parametrize("keeper", [Rollups, DemoFeed])
async def test_what_runs_beside_ends_with_a_frozen_server(
    settings: Settings, keeper: type[Rollups | DemoFeed]
) -> None:
    async with Database(settings) as database, asyncio.timeout(60):
        backend = await pid(database)
        running = keeper(database)
        await running.__aenter__()
        await database.read(pid_of)
        with frozen(backend):
            # Some second's statement is under way, or waits to connect.
            await asyncio.sleep(2.5)
            async with asyncio.timeout(ENDED_SECONDS):
                await running.__aexit__(None, None, None)


async def pid_of(connection: Connection) -> int:
    found: int = await connection.fetchval("SELECT pg_backend_pid()")
    return found
