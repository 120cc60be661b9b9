"""`kpi-stream serve` as a process of its own, to be killed and started again."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx

from tests.e2e.shop import Row
from tests.world import at

STARTED = b"Dashboard"


def free_port() -> int:
    """Return a port that nobody listens on, for a server that has to come back to it."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@dataclass
class Server:
    """A running server, its address, and its database."""

    process: asyncio.subprocess.Process
    url: str
    database_url: str

    def kill(self) -> None:
        self.process.kill()

    async def write_history(self, code: str, *, minutes: int, ahead: int = 0) -> None:
        """Write a row into each of the last minutes, and into those `ahead` that are to come."""
        await self._execute(
            "INSERT INTO kpi_raw_data SELECT date_trunc('minute', now()) - n * interval '1 minute',"
            " $1, abs(n % 7) FROM generate_series(-$3::int, $2::int) n WHERE n > 0 OR $3 > 0",
            code,
            minutes,
            ahead,
        )

    async def correct(self, code: str, *, minutes_ago: int, value: float) -> None:
        await self._execute(
            "INSERT INTO kpi_raw_data VALUES (now() - $2::int * interval '1 minute', $1, $3)",
            code,
            minutes_ago,
            value,
        )

    async def history(self, channel: str, length: int = 60) -> list[Row]:
        code, _, period = channel.rpartition(":")
        query = {"period": period, "history": str(length)}
        async with httpx.AsyncClient() as client:
            answer = (await client.get(f"{self.url}kpi/{code}", params=query)).json()
        return [
            [at(b["bucket"]), b["value"], b["points"], b["min"], b["max"]]
            for b in answer["history"]
        ]

    async def _execute(self, sql: str, *arguments: object) -> None:
        connection = await asyncpg.connect(self.database_url)
        try:
            await connection.execute(sql, *arguments)
        finally:
            await connection.close()


@asynccontextmanager
async def serving(
    database_url: str, port: int, folder: Path | None = None
) -> AsyncIterator[Server]:
    """Run the server until the block ends; it is ready to answer.

    `folder` has another release of the program.
    """
    environment = os.environ | {
        "KPI_DATABASE_URL": database_url,
        "KPI_BIND": f"127.0.0.1:{port}",
        "KPI_HEARTBEAT_SECONDS": "1",
        "KPI_GRACE_SECONDS": "0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app",
        "serve",
        env=environment,
        cwd=folder,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(30):
            while STARTED not in (line := await process.stderr.readline()):
                assert line, "the server has ended"
        yield Server(process, f"http://127.0.0.1:{port}/", database_url)
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(15):
            await process.communicate()
