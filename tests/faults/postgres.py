"""A PostgreSQL of the test's own, whose processes it may stop, kill, freeze and move."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import psutil

from app.data.embedded.cluster import PORT, Cluster
from app.data.embedded.programs import find_programs


class PostgresServer:
    """One cluster in a folder; `socket` is the path of its Unix socket once it was started."""

    def __init__(self, folder: Path) -> None:
        self.cluster = Cluster(folder, find_programs())
        self.socket = Path()

    async def start(self) -> None:
        """Start it, and return once it answers."""
        self.socket = await self.cluster.start() / f".s.PGSQL.{PORT}"

    async def stop(self) -> None:
        await self.cluster.stop()

    def processes(self) -> list[psutil.Process]:
        """Return the postmaster and its children."""
        first = (self.cluster.folder / "postmaster.pid").read_text().split()[0]
        postmaster = psutil.Process(int(first))
        return [postmaster, *postmaster.children(recursive=True)]

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all its processes."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    async def kill(self) -> None:
        """End all its processes as the kernel would."""
        processes = self.processes()
        self.send(signal.SIGKILL)
        await asyncio.to_thread(psutil.wait_procs, processes, 20)

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://postgres@/{name}?host={quote(str(self.socket.parent))}&port={PORT}"


@asynccontextmanager
async def postgres_server(folder: Path | None = None) -> AsyncIterator[PostgresServer]:
    """Run a fresh server in `folder`, or in one that goes with it."""
    with TemporaryDirectory(prefix="kpi-") as own:
        server = PostgresServer(folder or Path(own))
        await server.cluster.initialise()
        await server.start()
        try:
            yield server
        finally:
            await server.stop()
