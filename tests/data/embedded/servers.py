"""Processes that use the embedded PostgreSQL, and what of its servers is left."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import psutil

PATIENCE_SECONDS = 5.0
ROOT = Path(__file__).resolve().parents[3]

WRITER = """
import asyncio, sys
from pathlib import Path
import asyncpg
from app.data.embedded.server import embedded_postgres

async def main():
    async with embedded_postgres(Path(sys.argv[1])) as url:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        print("ready", flush=True)
        for number in range(1_000_000):
            await connection.execute("INSERT INTO kept VALUES ($1)", number)
            print(number, flush=True)

asyncio.run(main())
"""

HOLDER = """
import asyncio, signal, sys
from pathlib import Path
import asyncpg
from app.data.embedded.server import embedded_postgres

async def main():
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, asked.set)
    async with embedded_postgres(Path(sys.argv[1])) as url:
        print("ready", flush=True)
        await asked.wait()
        connection = await asyncpg.connect(url)
        print(await connection.fetchval("SELECT 'still there'"), flush=True)
        await connection.close()

asyncio.run(main())
"""


@asynccontextmanager
async def running(script: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        str(folder),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert await line(process) == "ready"
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return (await process.stdout.readline()).decode().strip()


def servers(folder: Path) -> list[psutil.Process]:
    """Return the PostgreSQL processes that run on a folder."""
    found = []
    for process in psutil.process_iter(["cwd", "name"]):
        cwd = process.info["cwd"]
        if process.info["name"] == "postgres" and cwd == str(folder.resolve() / "postgres"):
            found.append(process)
    return found


def none_left(folder: Path) -> bool:
    """Whether no PostgreSQL runs on a folder.

    PostgreSQL is called stopped when it removes its mark; its process ends a moment later. One that
    has ended may wait long for whoever adopted it to take note, so it is not waited for itself.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while servers(folder):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


async def run(url: str, sql: str) -> Any:
    """Return the first value of a statement's answer."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()
