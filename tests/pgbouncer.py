"""A real PgBouncer before a test's database, with its defaults but for the mode of its pools."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlsplit

START_SECONDS = 20.0
PORT = 6432

CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={port} user=postgres

[pgbouncer]
listen_port = {listen_port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = {pool_mode}
{more}
"""


@asynccontextmanager
async def pgbouncer(
    url: str, pool_mode: str, more: str = "", *, port: int = PORT
) -> AsyncIterator[str]:
    """Run PgBouncer before the database at `url` and yield the URL that leads through it."""
    parts = urlsplit(url)
    where = parse_qs(parts.query)
    socket = f"{where['host'][0]}/.s.PGSQL.{where['port'][0]}"
    with TemporaryDirectory(prefix="kpi-pgbouncer-") as folder:
        async with way_to(socket) as server, _running(folder, server, pool_mode, more, port):
            yield f"postgresql://postgres@{parts.path}?host={folder}&port={port}"


@asynccontextmanager
async def _running(
    folder: str, server_port: int, pool_mode: str, more: str, port: int
) -> AsyncIterator[None]:
    path = Path(folder) / "pgbouncer.ini"
    path.write_text(
        CONFIGURATION.format(
            port=server_port, listen_port=port, folder=folder, pool_mode=pool_mode, more=more
        )
    )
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None, "pgbouncer is missing: sh scripts/system-packages test"
    user = []
    if os.getuid() == 0:
        # It refuses to run as root.
        user = ["-u", "nobody"]
        shutil.chown(folder, "nobody")
    process = await asyncio.create_subprocess_exec(
        program,
        *user,
        str(path),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _until_there(Path(folder) / f".s.PGSQL.{port}", process)
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def way_to(socket: str) -> AsyncIterator[int]:
    """Yield a port that leads to a Unix socket, which may be in a folder of another user's."""

    async def link(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_unix_connection(socket)
        async with asyncio.TaskGroup() as group:
            group.create_task(copy(reader, back_writer))
            group.create_task(copy(back_reader, writer))

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()

    async with await asyncio.start_server(link, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def _until_there(socket: Path, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not socket.exists():  # noqa: ASYNC240
            assert process.returncode is None, "PgBouncer ended"
            await asyncio.sleep(0.01)
