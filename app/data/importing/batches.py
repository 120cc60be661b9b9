"""A source of lines, taken in batches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO, NamedTuple

from .layout import Layout
from .lines import BadLineError, Line, LineParser, Row, read_lines


class Reject(NamedTuple):
    """A refused line: its number from 1, why, and its text as far as it was read."""

    number: int
    reason: str
    text: bytes


class Batch(NamedTuple):
    """The lines up to number `line`, which ends at byte `position`, as rows and rejects."""

    line: int
    position: int
    rows: list[Row]
    rejects: list[Reject]

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """The earliest and the latest timestamp of the rows."""
        if not self.rows:
            return None
        times = [row.timestamp for row in self.rows]
        return min(times), max(times)


class BatchReader:
    """Reads batches of at most `size` lines from where `source` stands.

    With `stop_at_first`, the batch before the first bad line is the last, and `stopped_by` is that
    line. Reading may block: call `next` in a thread, one call at a time.
    """

    def __init__(
        self,
        source: BinaryIO,
        layout: Layout,
        line: int,
        position: int,
        size: int,
        stop_at_first: bool,
    ) -> None:
        self.stopped_by: Reject | None = None
        self._lines: Iterator[Line] = read_lines(source, line, position)
        self._line = line
        self._position = position
        self._size = size
        self._stop_at_first = stop_at_first
        self._parser = LineParser(layout)

    def next(self) -> Batch | None:
        """Return the next batch; None when there is no more."""
        rows: list[Row] = []
        rejects: list[Reject] = []
        begin = self._line
        while self.stopped_by is None and self._line - begin < self._size:
            line = next(self._lines, None)
            if line is None:
                break
            try:
                parsed = self._parser.parse(line)
            except BadLineError as error:
                reject = Reject(line.number, str(error), line.text)
                if self._stop_at_first:
                    self.stopped_by = reject
                    break
                rejects.append(reject)
            else:
                rows += parsed
            self._line, self._position = line.number, line.end
        if self._line == begin:
            return None
        return Batch(self._line, self._position, rows, rejects)
