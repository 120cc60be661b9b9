"""What `kpi-stream import` does: a file or a pipe into the raw table, and progress shown."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from enum import IntEnum
from pathlib import Path
from typing import TextIO

from ...errors import InvalidParameterError
from ...settings import Settings
from ...wording import counted
from ..database import Database
from .importer import Importer, Progress
from .layout import Layout, Options
from .lines import BadLineError, LineParser, read_lines
from .progress import ProgressLine
from .rejects import RejectFile
from .source import Text, open_text

STANDARD_INPUT = "-"


class Outcome(IntEnum):
    """How much of a source was loaded, as an exit status."""

    EVERYTHING = 0
    SOMETHING = 3
    NOTHING = 4


async def import_rows(
    settings: Settings,
    source: str,
    options: Options | None = None,
    *,
    rejects: Path | None = None,
    stop_at_first: bool = False,
    again: bool = False,
    out: TextIO = sys.stderr,
) -> Outcome:
    """Load `source`, a file's name or `-` for standard input, and tell on `out` how it goes.

    A file goes on where an earlier run stood, unless `again`; what is piped is loaded whole or not
    at all. Refused lines go to `rejects`, which is named after the source unless given. Raises
    InvalidParameterError, DatabaseUnavailableError, ConfigurationError.
    """
    name = "stdin" if source == STANDARD_INPUT else source
    kept = RejectFile(rejects or Path(f"{name}.rejected.csv"), asked_for=rejects is not None)
    line = ProgressLine(out)
    async with Database(settings) as database:
        importer = Importer(
            database, settings, kept, options, stop_at_first=stop_at_first, on_progress=line
        )
        try:
            if source != STANDARD_INPUT and await asyncio.to_thread(os.path.isfile, source):
                done = await importer.load_file(Path(source), again=again)
            else:
                done = await _load_stream(importer, source)
        except OSError as error:
            raise InvalidParameterError(
                f"{error.filename or name}: {error.strerror or error}"
            ) from error
        finally:
            line.finish()
    out.write(_summary(name, done, line.first, kept.path))
    return _outcome(done.loaded, done.rejected)


async def _load_stream(importer: Importer, source: str) -> Progress:
    if source == STANDARD_INPUT:
        return await importer.load_stream(sys.stdin.fileno())
    # A named pipe opens when somebody writes to it.
    descriptor = await asyncio.to_thread(os.open, source, os.O_RDONLY)
    try:
        return await importer.load_stream(descriptor)
    finally:
        os.close(descriptor)


def _summary(name: str, done: Progress, first: Progress | None, rejects: Path) -> str:
    if not done.loaded and not done.rejected:
        return f"nothing was loaded: there is no row in {name}\n"
    before = first.loaded if first else 0
    text = f"{counted(done.loaded - before, 'row')} loaded"
    if before:
        text += f", {before:,} by an earlier run"
    if done.rejected:
        text += f"; {counted(done.rejected, 'line')} refused, see {rejects}"
    return f"{text}\n"


def preview(source: str, options: Options, *, lines: int = 5) -> tuple[list[str], Outcome]:
    """Return how the first lines of a source are understood, and what would be loaded of them.

    Nothing is loaded. Raises InvalidParameterError.
    """
    try:
        descriptor = (
            sys.stdin.fileno() if source == STANDARD_INPUT else os.open(source, os.O_RDONLY)
        )
        with io.FileIO(descriptor, closefd=source != STANDARD_INPUT) as raw:
            text = open_text(raw, options)
            rows, outcome = _first_rows(text, lines)
            said = rows or [f"there is no row in {source}"]
            return [*_describe(text.layout), *said], outcome
    except OSError as error:
        raise InvalidParameterError(f"{source}: {error.strerror or error}") from error


def _describe(layout: Layout) -> list[str]:
    zone = "" if layout.zone is None else f", times of {layout.zone.key}"
    said = [
        f"{layout.encoding}, columns apart by {layout.delimiter!r}, decimal {layout.decimal!r}, "
        f"times as {layout.time}{zone}"
    ]
    wide = [f"column {at + 1} is {code}" for at, code in layout.values if code is not None]
    return said + ([f"a KPI a column: {', '.join(wide)}"] if wide else [])


def _first_rows(text: Text, count: int) -> tuple[list[str], Outcome]:
    parser = LineParser(text.layout)
    said: list[str] = []
    refused = 0
    for line in read_lines(text.source, 0, 0):
        if len(said) >= count:
            break
        try:
            rows = parser.parse(line)
        except BadLineError as error:
            refused += 1
            said.append(f"line {line.number} is refused: {error}")
        else:
            said += [
                f"line {line.number}: {row.timestamp.isoformat()}  {row.code}  {row.value!r}"
                for row in rows
            ]
    return said, _outcome(len(said) - refused, refused)


def _outcome(loaded: int, refused: int) -> Outcome:
    if not loaded:
        return Outcome.NOTHING
    return Outcome.SOMETHING if refused else Outcome.EVERYTHING
