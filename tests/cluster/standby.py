"""A primary and a streaming replica of it, both real, from the embedded wheel's programs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, quote, urlsplit

from app.data.embedded.cluster import PORT, START_SECONDS, Cluster, _make_empty
from app.data.embedded.owner import find_owner
from app.data.embedded.programs import find_programs
from app.data.embedded.server import embedded_postgres


@asynccontextmanager
async def primary_and_replica() -> AsyncIterator[tuple[str, str]]:
    """Yield the URLs of a fresh primary and of its replica."""
    with TemporaryDirectory(prefix="kpi-") as folder, TemporaryDirectory(prefix="kpi-") as other:
        async with embedded_postgres(Path(folder)) as primary:
            programs = find_programs()
            copy = Cluster(Path(other), programs)
            _make_empty(copy.folder, find_owner(Path(other), programs))
            host = parse_qs(urlsplit(primary).query)["host"][0]
            await copy._run(
                "pg_basebackup",
                *("--pgdata", str(copy.folder), "--host", host, "--port", str(PORT)),
                *("--username", "postgres", "--write-recovery-conf", "--checkpoint", "fast"),
                seconds=START_SECONDS,
            )
            socket_dir = await copy.start()
            try:
                yield (
                    primary,
                    f"postgresql://postgres@/postgres?host={quote(str(socket_dir))}&port={PORT}",
                )
            finally:
                await copy.stop()
