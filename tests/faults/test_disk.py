"""A disk that is full under the database: it is said, and all is well again with room on it."""

from __future__ import annotations

import asyncio
import resource
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.data.faults import PUBLIC_FULL
from app.errors import DatabaseUnavailableError
from tests.faults.conftest import Record
from tests.faults.report import Outcome
from tests.faults.world import World, open_world
from tests.machines import with_mounts
from tests.world import execute

pytestmark = pytest.mark.soak

BIG = "CREATE TABLE big AS SELECT repeat('x', 900) FROM generate_series(1, 40000)"
"""36 MB of rows."""

FILE_BYTES = 20 * 2**20
"""More than a file of the write-ahead log."""

ROW = "INSERT INTO kpi_raw_data VALUES (now() - INTERVAL '1 minute', 'sales', 1)"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that is soon full, whose folder the server's user may enter."""
    with TemporaryDirectory(prefix="kpi-") as folder:
        Path(folder).chmod(0o755)
        mount = ["mount", "-t", "tmpfs", "-o", "size=200m,mode=755", "t", folder]
        subprocess.run(mount, check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> Path:
    """Leave no room on a disk; return the file that takes it."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(2**16)):
            pass
    return ballast


@asynccontextmanager
async def no_room(world: World) -> AsyncIterator[None]:
    ballast = fill(world.postgres.cluster.folder.parent)
    yield
    ballast.unlink()


@asynccontextmanager
async def a_limit_to_files(world: World) -> AsyncIterator[None]:
    """As a quota, or `ulimit -f`, is: it needs no disk of one's own."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    await world.postgres.stop()
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, most))
    try:
        await world.postgres.start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    yield
    await world.postgres.stop()
    await world.postgres.start()


Fault = Callable[[World], AbstractAsyncContextManager[None]]


@with_mounts
async def test_under_ones_own_database(disk: Path, record: Record) -> None:
    async with open_world(folder=disk) as world:
        await is_said_and_nothing_is_lost(world, no_room, record)


async def test_a_quota_of_the_database(record: Record) -> None:
    async with open_world() as world:
        await is_said_and_nothing_is_lost(world, a_limit_to_files, record)


async def is_said_and_nothing_is_lost(world: World, fault: Fault, record: Record) -> None:
    streams = world.connections
    start = await world.shortly_before_a_minute_ends(seconds=1.0)
    async with fault(world):
        async with world.database() as database:
            with pytest.raises(DatabaseUnavailableError, match=PUBLIC_FULL):
                await execute(database, BIG)
        # What was written before goes on its way: to read takes no room.
        await world.all_have(start)
    back = asyncio.get_running_loop().time()
    await world.write(("sales", start - 300, 77.0))
    later = await world.shortly_before_a_minute_ends(seconds=0.5)
    await world.all_have(later)
    compared = await world.same_as_truth()
    await world.all_say("live")
    assert world.connections == streams, "a stream was closed"
    seconds = asyncio.get_running_loop().time() - back
    name = f"disk: {fault.__name__.replace('_', ' ')}"
    record(Outcome(name, 1, len(world.listeners), compared, 0, 0, seconds))
