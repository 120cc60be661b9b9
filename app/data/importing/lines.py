"""Lines read into rows by a file's layout, or refused with a reason."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, NamedTuple

from ...errors import InvalidCodeError
from ...models import parse_code
from ...wording import counted
from .layout import PLAIN, TIME_UNITS, Layout
from .spelling import without_groups

LONGEST_LINE_BYTES = 4096

# Every instant in between fits the database, a bucket's end and a time zone's shift.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXCEL_EPOCH = datetime(1899, 12, 30)
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

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._codes: dict[str, str] = {}

    def parse(self, line: Line) -> Sequence[Row]:
        """Return the line's rows, none for a blank line or the header; raise BadLineError."""
        if not line.is_whole:
            raise BadLineError(f"the line is longer than {LONGEST_LINE_BYTES} bytes")
        layout = self._layout
        if line.number in layout.skipped:
            return ()
        fields = self._split(line)
        if fields is None:
            return ()
        if len(fields) != layout.width:
            raise BadLineError(
                f"{counted(len(fields), 'field')} where there are {layout.width} before"
            )
        timestamp = parse_timestamp(fields[layout.timestamp], layout)
        if layout.code is not None:
            ((value, _),) = layout.values
            code = self._code(fields[layout.code])
            return (Row(timestamp, code, parse_value(fields[value], layout.decimal)),)
        return [
            Row(timestamp, code, parse_value(fields[at], layout.decimal))
            for at, code in layout.values
            if code is not None and fields[at] and fields[at].lower() != "nan"
        ]

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

    def _split(self, line: Line) -> list[str] | None:
        raw = line.text
        if line.number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        try:
            text = raw.decode(self._layout.encoding)
        except UnicodeDecodeError:
            raise BadLineError(
                f"the line is not {self._layout.encoding}; --encoding says what it is"
            ) from None
        delimiter = self._layout.delimiter
        if '"' in text:
            try:
                # The line's own end stays: a quote that is still open there is an error.
                fields = next(csv.reader([text], strict=True, delimiter=delimiter))
            except (csv.Error, StopIteration):
                raise BadLineError(
                    "the quotes of the line do not match; a value may not go on in the next line"
                ) from None
        else:
            fields = text.split(delimiter)
        fields = [field.strip() for field in fields]
        return fields if any(fields) else None


def parse_timestamp(text: str, layout: Layout = PLAIN) -> datetime:
    """Return the instant that a text says; raise BadLineError."""
    try:
        if layout.time in TIME_UNITS:
            timestamp = _EPOCH + _since_epoch(text, TIME_UNITS[layout.time])
        elif layout.time == "excel":
            # To the millisecond, which is as exact as Excel's numbers are.
            timestamp = _EXCEL_EPOCH + timedelta(
                milliseconds=round(float(text.replace(",", ".")) * 86_400_000)
            )
        elif layout.time == "iso":
            timestamp = datetime.fromisoformat(text)
        else:
            timestamp = datetime.strptime(text, layout.time)
    except OverflowError:
        raise BadLineError("the time is not between the years 1970 and 2199") from None
    except ValueError:
        wanted = {"iso": "ISO 8601"}.get(layout.time, f"of the form {layout.time}")
        raise BadLineError(f"the time is not {wanted}; --time says how it is written") from None
    if timestamp.tzinfo is None:
        if layout.zone is None:
            raise BadLineError("the time has no offset from UTC; --zone says which zone it is of")
        timestamp = timestamp.replace(tzinfo=layout.zone)
    try:
        in_range = _EPOCH <= timestamp < _LATEST
    except OverflowError:
        in_range = False
    if not in_range:
        raise BadLineError("the time is not between the years 1970 and 2199")
    return timestamp


def _since_epoch(text: str, units: int) -> timedelta:
    whole, dot, fraction = text.partition(".")
    if not whole.isascii() or not whole.isdigit() or (dot and not fraction.isdigit()):
        raise ValueError(text)
    microseconds = int(whole) * 1_000_000 // units
    if dot:
        microseconds += int(float(f"0.{fraction}") * 1_000_000 / units)
    return timedelta(microseconds=microseconds)


def parse_value(text: str, decimal: str = ".") -> float:
    """Return the number that a text says; raise BadLineError."""
    if decimal == ",":
        # A dot would be for thousands there; taken for a decimal point it changes the number.
        text = without_groups(text, decimal)
        text = "." if "." in text else text.replace(",", ".")
    elif not text.isdecimal():
        text = without_groups(text, decimal)
    try:
        # Python's own underscores between digits are no part of a number elsewhere.
        value = float("_" if "_" in text else text)
    except ValueError:
        hint = "" if decimal == "," or "," not in text else "; --decimal , reads a decimal comma"
        if decimal == "," and text == ".":
            hint = "; without a decimal comma its dot may be one, or for thousands"
        raise BadLineError(f"the value is not a number{hint}") from None
    if not (value == 0 or _SMALLEST <= abs(value) <= _LARGEST):
        raise BadLineError("the value is neither 0 nor a finite number from 1e-290 to 1e290")
    return value
