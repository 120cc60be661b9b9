"""Bulk load of raw rows from text: COPY in batches, each committed with where it ended."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import asyncpg

from ...errors import InvalidParameterError
from ...settings import Settings
from ..database import Backend, Connection, Database, load_queries
from ..rollups import Rollups
from ..timescale import backend as timescale
from .batches import Batch, BatchReader
from .layout import Options
from .rejects import RejectFile
from .source import SAME_FILE_BYTES, Pipe, Text, fingerprint, open_text

BATCH_LINES = 20_000
COLUMNS = ("timestamp", "kpi_code", "value")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: all up to line `line`, which ends at byte `position`, is done.

    `size` is the source's in bytes, None where it cannot be known. `rejects_size` is the reject
    file's in bytes. `earliest` and `latest` span the rows that are loaded but over which the
    aggregates are not refreshed yet.
    """

    size: int | None = None
    position: int = 0
    line: int = 0
    loaded: int = 0
    rejected: int = 0
    rejects_size: int = 0
    earliest: datetime | None = None
    latest: datetime | None = None

    def after(self, batch: Batch, rejects_size: int) -> Progress:
        """Return the progress when `batch` is done too."""
        times = [row.timestamp for row in batch.rows]
        times += [time for time in (self.earliest, self.latest) if time is not None]
        return Progress(
            size=self.size,
            position=batch.position,
            line=batch.line,
            loaded=self.loaded + len(batch.rows),
            rejected=self.rejected + len(batch.rejects),
            rejects_size=rejects_size,
            earliest=min(times, default=None),
            latest=max(times, default=None),
        )


class Importer:
    """Loads lines into the raw table, each exactly once, read as `options` say.

    Bad lines go to the file `rejects` with their numbers, or with `stop_at_first` the first one
    ends the import. `on_progress` is called before the first batch and after each. The tables
    must be there.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        rejects: RejectFile,
        options: Options | None = None,
        *,
        stop_at_first: bool = False,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._rejects = rejects
        self._options = options or Options()
        self._stop_at_first = stop_at_first
        self._on_progress = on_progress
        self._queries = load_queries("import")

    async def load_file(self, path: Path, *, again: bool = False) -> Progress:
        """Load a file from where an earlier run stood, or with `again` from its beginning.

        Each batch is committed together with the position after it, so a process that is killed
        loses and repeats nothing. What follows that position may have changed or grown. A file
        that begins otherwise counts as another one. What cannot be gone on with from its middle,
        compressed or in UTF-16, is loaded whole or not at all.

        Raises InvalidParameterError for what cannot be read, for a file of which an earlier line
        was edited, for the first bad line with `stop_at_first`, after loading what comes before
        it, and when another process loads the same file; DatabaseUnavailableError; OSError.
        """
        resolved = await asyncio.to_thread(path.resolve)
        # A name may be of any bytes; the database keeps text.
        source = os.fsencode(resolved).decode(errors="backslashreplace")
        await self._require_refresh()
        progress = await self._resume(path, source, again)
        with await asyncio.to_thread(path.open, "rb", 0) as raw:
            text = await asyncio.to_thread(open_text, raw, self._options)
            if text.resumable:
                await asyncio.to_thread(self._rejects.open, progress.rejects_size)
                raw.seek(progress.position)
                text = text._replace(source=io.BufferedReader(raw))
                return await self._load_in_batches(path, source, text, progress)
            if progress.position:
                return replace(progress, earliest=None, latest=None)  # it was loaded whole
            return await self._load_whole(text, path, source)

    async def load_stream(self, descriptor: int) -> Progress:
        """Load what comes from an open file descriptor: all of it or, if anything fails, nothing.

        It is one transaction, since a stream cannot be read again from its middle. Raises what
        `load_file` raises.
        """
        await self._require_refresh()
        pipe = Pipe(descriptor)
        try:
            text = await self._open_source(pipe)
            return await self._load_whole(text)
        finally:
            pipe.stop()

    async def _open_source(self, pipe: Pipe) -> Text:
        try:
            return await asyncio.to_thread(open_text, pipe, self._options)
        except OSError as error:
            raise InvalidParameterError(f"the source cannot be read: {error}") from error

    async def _load_in_batches(
        self, path: Path, source: str, text: Text, progress: Progress
    ) -> Progress:
        """Load a file batch by batch, each committed with where it ended."""
        reader = self._reader(text, progress)
        self._on_progress(progress)
        while batch := await self._next(reader):
            expected = progress.position
            progress = progress.after(batch, await self._reject(batch, progress))
            mark = await asyncio.to_thread(fingerprint, path, progress.position)
            async with self._database.transaction() as connection:
                await self._advance(connection, source, expected, progress, mark)
                await self._copy(connection, batch)
            self._on_progress(progress)
        await self._refresh(progress)
        async with self._database.connection() as connection:
            await self._queries.finish_import(connection, source=source, position=progress.position)
        _raise_for(reader)
        return replace(progress, earliest=None, latest=None)

    async def _load_whole(self, text: Text, path: Path | None = None, source: str = "") -> Progress:
        """Load a text in one transaction; of a file it is committed that it was loaded."""
        progress = Progress()
        await asyncio.to_thread(self._rejects.open, 0)
        reader = self._reader(text, progress)
        self._on_progress(progress)
        async with self._database.transaction() as connection:
            await self._queries.allow_pauses(connection)
            while batch := await self._next(reader):
                await self._copy(connection, batch)
                progress = progress.after(batch, await self._reject(batch, progress))
                self._on_progress(progress)
            _raise_for(reader)
            if path is not None:
                size = (await asyncio.to_thread(path.stat)).st_size
                mark = await asyncio.to_thread(fingerprint, path, size)
                await self._advance(connection, source, 0, replace(progress, position=size), mark)
        await self._refresh(progress)
        return replace(progress, earliest=None, latest=None)

    def _reader(self, text: Text, progress: Progress) -> BatchReader:
        return BatchReader(
            text.source,
            text.layout,
            progress.line,
            progress.position,
            BATCH_LINES,
            self._stop_at_first,
        )

    async def _resume(self, path: Path, source: str, again: bool) -> Progress:
        """Return where the import of `source` stands, after making sure that it has a row.

        Raises InvalidParameterError where what was loaded of it has been edited since.
        """
        size = (await asyncio.to_thread(path.stat)).st_size
        async with self._database.transaction() as connection:
            await load_queries("schema").lock_schema(connection)
            await self._queries.create_import_table(connection)
            row = await self._queries.load_import(connection, source=source)
            if row is not None and not again:
                mark = await asyncio.to_thread(fingerprint, path, min(size, row["position"]))
                if mark == row["fingerprint"] or row["position"] == 0:
                    known = {name: row[name] for name in row.keys() if name != "fingerprint"}  # noqa: SIM118
                    return Progress(size=size, **known)
                if mark[:SAME_FILE_BYTES] == row["fingerprint"][:SAME_FILE_BYTES]:
                    raise InvalidParameterError(
                        f"{path} was changed before line {row['line'] + 1}, up to which it was "
                        "loaded: load the changed lines from a file of their own, or all of it "
                        "once more with --again, which leaves the rows that are there"
                    )
            await self._queries.start_import(connection, source=source)
            span = (row["earliest"], row["latest"]) if row is not None else (None, None)
            return Progress(size=size, earliest=span[0], latest=span[1])

    async def _advance(
        self, connection: Connection, source: str, expected: int, progress: Progress, mark: bytes
    ) -> None:
        moved = await self._queries.advance_import(
            connection,
            source=source,
            expected_position=expected,
            position=progress.position,
            line=progress.line,
            fingerprint=mark,
            loaded=progress.loaded,
            rejected=progress.rejected,
            rejects_size=progress.rejects_size,
            earliest=progress.earliest,
            latest=progress.latest,
        )
        if moved is None:
            raise InvalidParameterError(f"another process is importing {source}")

    async def _copy(self, connection: Connection, batch: Batch) -> None:
        try:
            await connection.copy_records_to_table(
                "kpi_raw_data", records=batch.rows, columns=COLUMNS
            )
        except asyncpg.IntegrityConstraintViolationError as error:
            raise InvalidParameterError(
                f"the database refuses a row of the lines up to {batch.line}: {error}"
            ) from error

    async def _next(self, reader: BatchReader) -> Batch | None:
        """Read the next batch; None at the end."""
        try:
            return await asyncio.to_thread(reader.next)
        except OSError as error:
            # Inside a transaction it would be taken for the database's.
            raise InvalidParameterError(f"the source cannot be read: {error}") from error

    async def _reject(self, batch: Batch, progress: Progress) -> int:
        """Keep what was refused; return the reject file's size in bytes."""
        if not batch.rejects:
            return progress.rejects_size
        try:
            return await asyncio.to_thread(self._rejects.add, batch.rejects)
        except OSError as error:
            raise InvalidParameterError(f"refused lines cannot be kept: {error}") from error

    async def _require_refresh(self) -> None:
        """Raise ConfigurationError, before a row is loaded, where no refresh could follow."""
        if await self._database.backend() is Backend.TIMESCALE:
            async with self._database.session(timescale.REFRESH_SECONDS):
                pass

    async def _refresh(self, progress: Progress) -> None:
        """Bring the aggregates up to date over what was loaded."""
        if progress.earliest is None or progress.latest is None:
            return
        if await self._database.backend() is Backend.TIMESCALE:
            span = (int(progress.earliest.timestamp()), int(progress.latest.timestamp()))
            async with self._database.session(timescale.REFRESH_SECONDS) as connection:
                await timescale.refresh(connection, self._settings, span)
            return
        await Rollups(self._database).refresh()


def _raise_for(reader: BatchReader) -> None:
    if reader.stopped_by is not None:
        raise InvalidParameterError(f"line {reader.stopped_by.number}: {reader.stopped_by.reason}")
