"""What `kpi-stream import` does: a file or a pipe into the raw table, and progress shown."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TextIO

from ...errors import InvalidParameterError
from ...settings import Settings
from ..database import Database
from .importer import Importer, Progress
from .progress import ProgressLine

STANDARD_INPUT = "-"


async def import_rows(
    settings: Settings,
    source: str,
    *,
    rejects: Path | None = None,
    stop_at_first: bool = False,
    again: bool = False,
    out: TextIO = sys.stderr,
) -> None:
    """Load `source`, a file's name or `-` for standard input, and tell on `out` how it goes.

    A file goes on where an earlier run stood, unless `again`; what is piped is loaded whole or not
    at all. Refused lines go to `rejects`, which is named after the source unless given. Raises
    InvalidParameterError, DatabaseUnavailableError, ConfigurationError.
    """
    name = "stdin" if source == STANDARD_INPUT else source
    rejects = rejects or Path(f"{name}.rejected.csv")
    line = ProgressLine(out)
    async with Database(settings) as database:
        importer = Importer(
            database, settings, rejects, stop_at_first=stop_at_first, on_progress=line
        )
        try:
            if source != STANDARD_INPUT and await asyncio.to_thread(os.path.isfile, source):
                done = await importer.load_file(Path(source), again=again)
            else:
                done = await _load_stream(importer, source)
        except OSError as error:
            raise InvalidParameterError(f"{error.filename or name}: {error.strerror}") from error
        finally:
            line.finish()
    out.write(_summary(done, line.first, rejects))


async def _load_stream(importer: Importer, source: str) -> Progress:
    if source == STANDARD_INPUT:
        return await importer.load_stream(sys.stdin.fileno())
    # A named pipe opens when somebody writes to it.
    descriptor = await asyncio.to_thread(os.open, source, os.O_RDONLY)
    try:
        return await importer.load_stream(descriptor)
    finally:
        os.close(descriptor)


def _summary(done: Progress, first: Progress | None, rejects: Path) -> str:
    before = first.loaded if first else 0
    text = f"{done.loaded - before:,} rows loaded"
    if before:
        text += f", {before:,} by an earlier run"
    if done.rejected:
        text += f"; {done.rejected:,} lines refused, see {rejects}"
    return f"{text}\n"
