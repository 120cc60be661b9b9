"""`kpi-stream serve` and `kpi-stream publish` as processes, with what they say."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping

PATIENCE_SECONDS = 30.0


class Program:
    """One process; a gateway's port stays the same when it is started again."""

    def __init__(self, command: str, environment: Mapping[str, str]) -> None:
        self.said: list[str] = []
        self.command = command
        self._environment = dict(environment)
        self._heard = asyncio.Condition()
        self._is_silent = False
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None
        if command == "serve" and "KPI_BIND" not in environment:
            self._socket = socket.create_server(("127.0.0.1", 0))
            self._environment["KPI_BIND"] = f"fd://{self._socket.fileno()}"
            # Of a socket that it is given it cannot tell who reaches it.
            self._environment["KPI_AUTH_NONE_ANYWHERE"] = "true"

    @property
    def port(self) -> int:
        assert self._socket is not None
        port: int = self._socket.getsockname()[1]
        return port

    async def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start it; `environment` is added for this time only."""
        descriptors = [] if self._socket is None else [self._socket.fileno()]
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", "-v", self.command),
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"], **self._environment, **(environment or {})},
            pass_fds=descriptors,
        )
        self._is_silent = False
        self._reading = asyncio.create_task(self._read(self._process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            async with self._heard:
                self.said.append(line.decode().rstrip())
                self._heard.notify_all()
        async with self._heard:
            self._is_silent = True
            self._heard.notify_all()

    async def says(self, words: str, *, after: int = 0) -> int:
        """Wait for a line with these words; return how many lines there are up to it."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._heard:
            while True:
                for number, line in enumerate(self.said[after:], start=after + 1):
                    if words in line:
                        return number
                assert not self._is_silent, f"it has ended: {self.said[-5:]}"
                await self._heard.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether no process runs."""
        return self._process is None or self._process.returncode is not None

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def freeze(self) -> None:
        self.send(signal.SIGSTOP)

    def wake(self) -> None:
        self.send(signal.SIGCONT)

    async def stop(self) -> int:
        """Ask it to end, and return its exit status."""
        self.send(signal.SIGTERM)
        return await self._ended()

    async def kill(self) -> None:
        """End it as the kernel would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._ended()

    async def _ended(self) -> int:
        assert self._process is not None
        assert self._reading is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._reading
            return await self._process.wait()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
