"""Lines of `timestamp,kpi_code,value` read into rows, or refused with a reason."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO, NamedTuple

from ...errors import InvalidCodeError
from ...models import parse_code

LONGEST_LINE_BYTES = 4096
HEADER = ("timestamp", "kpi_code", "value")

# Every instant in between fits the database, a bucket's end and a time zone's shift.
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_LARGEST = 1e290
_SMALLEST = 1e-290


class Row(NamedTuple):
    """One raw row, as the columns of `kpi_raw_data`."""

    timestamp: datetime
    code: str
    value: float


class BadLineError(ValueError):
    """A line that is no row; the message says why, without the line itself."""


class Line(NamedTuple):
    """One line of the source: its number from 1, the offset after it in bytes, its text."""

    number: int
    end: int
    text: bytes
    is_whole: bool


def read_lines(source: BinaryIO, number: int, offset: int) -> Iterator[Line]:
    """Yield the lines that follow line `number`, which ended at `offset`.

    A line longer than LONGEST_LINE_BYTES is cut there and marked, so that no input, however
    broken, takes more memory.
    """
    while text := source.readline(LONGEST_LINE_BYTES):
        offset += len(text)
        is_whole = True
        while not text.endswith(b"\n") and (rest := source.readline(LONGEST_LINE_BYTES)):
            is_whole = False
            offset += len(rest)
            if rest.endswith(b"\n"):
                break
        number += 1
        yield Line(number, offset, text, is_whole)


class LineParser:
    """Turns lines into rows; it remembers the codes it has seen, which are few."""

    def __init__(self) -> None:
        self._codes: dict[str, str] = {}

    def parse(self, line: Line) -> Row | None:
        """Return the line's row, None for a blank line or the header; raise BadLineError."""
        if not line.is_whole:
            raise BadLineError(f"the line is longer than {LONGEST_LINE_BYTES} bytes")
        fields = _split(line)
        if fields is None:
            return None
        if len(fields) != len(HEADER):
            raise BadLineError(f"{len(fields)} fields where timestamp,kpi_code,value are wanted")
        timestamp, code, value = fields
        return Row(parse_timestamp(timestamp), self._code(code), parse_value(value))

    def _code(self, text: str) -> str:
        code = self._codes.get(text)
        if code is None:
            try:
                code = parse_code(text)
            except InvalidCodeError as error:
                raise BadLineError(str(error)) from None
            if len(self._codes) > 100_000:
                self._codes.clear()
            self._codes[code] = code
        return code


def _split(line: Line) -> list[str] | None:
    raw = line.text
    if line.number == 1:
        raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        raise BadLineError("the line holds characters outside ASCII") from None
    if '"' in text:
        try:
            # The line's own end stays: a quote that is still open there is an error.
            fields = next(csv.reader([text], strict=True))
        except (csv.Error, StopIteration):
            raise BadLineError("the quotes of the line do not match") from None
    else:
        fields = text.split(",")
    fields = [field.strip() for field in fields]
    if fields in ([], [""]):
        return None
    if line.number == 1 and tuple(field.lower() for field in fields) == HEADER:
        return None
    return fields


def parse_timestamp(text: str) -> datetime:
    """Return the instant that a text says; raise BadLineError."""
    try:
        timestamp = datetime.fromisoformat(text)
    except ValueError:
        raise BadLineError("the timestamp is not ISO 8601") from None
    if timestamp.tzinfo is None:
        raise BadLineError("the timestamp has no offset from UTC, such as Z or +01:00")
    try:
        in_range = _EARLIEST <= timestamp < _LATEST
    except OverflowError:
        in_range = False
    if not in_range:
        raise BadLineError("the timestamp is not between the years 1970 and 2199")
    return timestamp


def parse_value(text: str) -> float:
    """Return the number that a text says; raise BadLineError."""
    try:
        # Python's own underscores between digits are no part of a number elsewhere.
        value = float("_" if "_" in text else text)
    except ValueError:
        raise BadLineError("the value is not a number") from None
    if not (value == 0 or _SMALLEST <= abs(value) <= _LARGEST):
        raise BadLineError("the value is neither 0 nor a finite number from 1e-290 to 1e290")
    return value
