"""A real Redis (or Valkey) on a Unix socket, which a test may kill and start again."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from redis.asyncio import Redis
from redis.exceptions import RedisError

PROGRAMS = ("redis-server", "valkey-server")


class RedisServer:
    def __init__(self, folder: Path, *arguments: str) -> None:
        self.socket = folder / "redis.sock"
        self._arguments = arguments
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    async def start(self) -> None:
        """Start it, and return once it answers."""
        program = next(found for name in PROGRAMS if (found := shutil.which(name)))
        self._process = await asyncio.create_subprocess_exec(
            program,
            *("--port", "0", "--unixsocket", str(self.socket)),
            *self._arguments,
            *("--save", "", "--appendonly", "no", "--dir", str(self._folder)),
            stdout=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(20), Redis.from_url(self.url) as client:
            while True:
                try:
                    await client.ping()
                    return
                except (RedisError, OSError):
                    await asyncio.sleep(0.01)

    async def kill(self) -> None:
        """End it at once, with all it knows."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None
            self.socket.unlink(missing_ok=True)


@asynccontextmanager
async def redis_server(*arguments: str) -> AsyncIterator[RedisServer]:
    with TemporaryDirectory(prefix="kpi-redis-") as folder:
        server = RedisServer(Path(folder), *arguments)
        await server.start()
        try:
            yield server
        finally:
            await server.kill()
