"""A primary and a streaming replica of it, both real, from the embedded wheel's programs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from app.data.embedded.cluster import PORT, START_SECONDS, _make_empty
from app.data.embedded.owner import find_owner
from app.data.embedded.programs import find_programs
from tests.faults.postgres import PostgresServer, postgres_server


@asynccontextmanager
async def primary_and_replica() -> AsyncIterator[tuple[str, str]]:
    """Yield the URLs of a fresh primary and of its replica."""
    async with postgres_server() as primary, standby_of(primary) as standby:
        yield primary.url(), standby.url()


@asynccontextmanager
async def standby_of(primary: PostgresServer) -> AsyncIterator[PostgresServer]:
    """Run a hot standby that streams from a server, in a folder of its own."""
    with TemporaryDirectory(prefix="kpi-") as folder:
        standby = PostgresServer(Path(folder))
        _make_empty(standby.cluster.folder, find_owner(Path(folder), find_programs()))
        await standby.cluster._run(
            "pg_basebackup",
            *("--pgdata", str(standby.cluster.folder), "--host", str(primary.socket.parent)),
            *("--port", str(PORT), "--username", "postgres"),
            *("--write-recovery-conf", "--checkpoint", "fast"),
            seconds=START_SECONDS,
        )
        await standby.start()
        try:
            yield standby
        finally:
            await standby.stop()
