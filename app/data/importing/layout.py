"""How a file says its rows: found in its first lines, or as the user says."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from ...errors import InvalidParameterError
from ...models import CODE_PATTERN
from .spelling import SPACES, ways_to_say

TIME_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""Ways of counting time since 1970, by how many of each a second has."""

_DIGITS = {10: "s", 13: "ms", 16: "us", 19: "ns"}
_NAMES = {
    "time": ("timestamp", "time", "_time", "datetime", "date", "ts", "bucket"),
    "code": ("kpi_code", "code", "kpi", "_field", "metric", "series", "name"),
    "value": ("value", "_value", "val"),
}
_DIGIT_GROUPS = rf"[+-]?(?:\d+|\d{{1,3}}(?:[.,{SPACES}]\d{{3}})+)"
_NUMBER = re.compile(_DIGIT_GROUPS + r"(?:[.,]\d+)?(?:[eE][+-]?\d+)?")
_DECIMAL_COMMA = re.compile(rf"[+-]?(?:\d+|\d{{1,3}}(?:[.{SPACES}]\d{{3}})+),\d+")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Options:
    """What the user says of a file; None: to be found out.

    `columns` are separated by commas: `time`, `code`, `value`, `-` or a KPI's code by position, or
    `time=Datum` by the name in the header. `time` is `iso`, `excel`, a unit of TIME_UNITS or a
    strptime pattern.
    """

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    columns: str | None = None
    time: str | None = None
    zone: ZoneInfo | None = None


def read_options(said: Mapping[str, str | None]) -> Options:
    """Return options from what was said at the command line; raise InvalidParameterError."""
    delimiter, zone = said["delimiter"], said["zone"]
    if delimiter is not None:
        delimiter = {"tab": "\t", "\\t": "\t", "semicolon": ";", "comma": ","}.get(
            delimiter, delimiter
        )
        if len(delimiter) != 1 or not delimiter.isascii():
            raise InvalidParameterError("--delimiter: name one character, such as ';', or tab")
    try:
        of_zone = None if zone is None else ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise InvalidParameterError(
            f"--zone: {zone!r} is no time zone; name one such as Europe/Berlin"
        ) from None
    time = said["time"]
    if time is not None and time not in ("iso", "excel", *TIME_UNITS) and "%" not in time:
        raise InvalidParameterError(
            f"--time: {time!r} is none; write iso, excel, s, ms, us, ns or such as '%d.%m.%Y %H:%M'"
        )
    return Options(
        delimiter, said["decimal"], said["encoding"], said["columns"], said["time"], of_zone
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """Where in a line its rows are; `values` has the column of each value and its KPI's code.

    The code is None where it stands in the column `code`. `skipped` are the numbers of lines from 1
    that are no rows: the header, and notes of the program that has written the file.
    """

    delimiter: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    width: int = 3
    timestamp: int = 0
    code: int | None = 1
    values: tuple[tuple[int, str | None], ...] = ((2, None),)
    time: str = "iso"
    zone: ZoneInfo | None = None
    skipped: frozenset[int] = frozenset()


PLAIN = Layout()
"""A row a line: an ISO time with its offset, the code, and the value."""


def find_layout(text: str, encoding: str, options: Options) -> Layout:
    """Return the layout of a file that begins with `text`; raise InvalidParameterError.

    Every message names the option that would tell what cannot be found out.
    """
    numbered = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.startswith("#")
    ]
    notes = {n for n, line in enumerate(text.splitlines(), start=1) if line.startswith("#")}
    if not numbered:
        return Layout(encoding=encoding, skipped=frozenset(notes))
    separator = _SEPARATOR_LINE.fullmatch(numbered[0][1])
    if separator is not None and len(numbered) > 1:
        # Excel's own note of what is between columns.
        notes.add(numbered.pop(0)[0])
        options = replace(options, delimiter=options.delimiter or separator[1])
    delimiter = options.delimiter or _find_delimiter(numbered[0][1])
    first = _fields(numbered[0][1], delimiter)
    header = None if any(_is_time(f) or _NUMBER.fullmatch(f) for f in first) else first
    if header is not None:
        notes.add(numbered.pop(0)[0])
    rows = [_fields(line, delimiter) for _, line in numbered[:20]]
    width = len(first)
    timestamp, code, values = _find_columns(header, rows, width, options)
    example = next((row[timestamp] for row in rows if len(row) == width and row[timestamp]), None)
    cells = [row[at] for row in rows if len(row) == width for at, _ in values]
    return Layout(
        delimiter=delimiter,
        decimal=options.decimal or ("," if _has_decimal_comma(delimiter, cells) else "."),
        encoding=encoding,
        width=width,
        timestamp=timestamp,
        code=code,
        values=values,
        time=options.time or _find_time(example, options),
        zone=options.zone,
        skipped=frozenset(notes),
    )


def _find_delimiter(line: str) -> str:
    return next((delimiter for delimiter in "\t;|" if delimiter in line), ",")


def _fields(line: str, delimiter: str) -> list[str]:
    return [field.strip() for field in next(csv.reader([line], delimiter=delimiter), [])]


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _has_decimal_comma(delimiter: str, cells: Sequence[str]) -> bool:
    return delimiter != "," and any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells)


def _find_time(example: str | None, options: Options) -> str:
    """Return how times are written, by the first of them."""
    if example is None:
        return "iso"
    whole = example.split(".")[0]
    if whole.isdigit() and len(whole) in _DIGITS:
        return _DIGITS[len(whole)]
    try:
        moment = datetime.fromisoformat(example)
    except ValueError:
        zone = "" if options.zone else " (and --zone Europe/Berlin, or whichever zone it is of)"
        raise InvalidParameterError(
            f"the time {example!r} is not ISO 8601: say how it is written, as in "
            f"{ways_to_say(example)}{zone}; or which column it is in, as in "
            "--columns code,time,value"
        ) from None
    if moment.tzinfo is None and options.zone is None:
        raise InvalidParameterError(
            f"the time {example!r} has no offset from UTC: say which zone the times are of, as in "
            "--zone Europe/Berlin"
        )
    return "iso"


Columns = tuple[int, int | None, tuple[tuple[int, str | None], ...]]


def _find_columns(
    header: Sequence[str] | None, rows: Sequence[Sequence[str]], width: int, options: Options
) -> Columns:
    """Return the columns of the time, of the code, and of the values with their codes."""
    if options.columns is not None:
        return _said_columns(options.columns.split(","), header, width)
    if header is None:
        if width == 3:
            return 0, 1, ((2, None),)
        raise InvalidParameterError(
            f"there is no header, and {width} columns: name them in their order, as in "
            f"--columns {','.join(['time', 'code', 'value', *'-' * 9][: max(width, 2)])}"
        )
    names = [name.lower() for name in header]
    found = {
        part: next((names.index(known) for known in _NAMES[part] if known in names), None)
        for part in _NAMES
    }
    timestamp, code, value = found["time"], found["code"], found["value"]
    if timestamp is not None and code is not None and value is not None:
        return timestamp, code, ((value, None),)
    if timestamp is not None and code is None and value is None:
        wide = [at for at in range(width) if at != timestamp and header[at] and _numbers(rows, at)]
        codes = [code_of(header[at]) for at in wide]
        if twice := sorted({code for code in codes if codes.count(code) > 1}):
            raise InvalidParameterError(
                f"two columns would both be {twice[0]}: name the KPI of each in their order, as in "
                "--columns time,orders,returns, with - for one that is left out"
            )
        if wide:
            return timestamp, None, tuple((at, code_of(header[at])) for at in wide)
    if width == 1:
        raise InvalidParameterError(
            f"the first line is one column, {header[0][:60]!r}: take away what comes before the "
            "header, as in tail -n +4 FILE | kpi-stream import -, or say what is between columns "
            "with --delimiter"
        )
    said = shlex.quote(f"time={header[0]},code={header[1]},value={header[-1]}")
    raise InvalidParameterError(
        f"the columns are {', '.join(header)}: say which is which, as in --columns {said}, or name "
        "the KPI of each column in their order, as in --columns time,orders,returns"
    )


def _numbers(rows: Sequence[Sequence[str]], at: int) -> bool:
    """Whether a column holds numbers, as far as it holds anything."""
    cells = [row[at] for row in rows if at < len(row) and row[at]]
    return all(_NUMBER.fullmatch(cell) or cell.lower() == "nan" for cell in cells)


def code_of(name: str) -> str:
    """Return the code of a KPI that has a column of its own: what no code has becomes `_`."""
    return re.sub(r"[^A-Za-z0-9_.\-]+", "_", name.strip()).strip("_")[:64] or "_"


def _said_columns(said: Sequence[str], header: Sequence[str] | None, width: int) -> Columns:
    parts: dict[str, int] = {}
    wide: list[tuple[int, str | None]] = []
    for position, word in enumerate(word.strip() for word in said):
        part, equals, name = word.partition("=")
        if equals:
            if header is None or name not in header:
                named = "there is no header" if header is None else f"it has {', '.join(header)}"
                raise InvalidParameterError(f"--columns: no column is called {name!r}; {named}")
            at = list(header).index(name)
        else:
            at = position
        if part in _NAMES or part in ("timestamp", "kpi_code"):
            parts[{"timestamp": "time", "kpi_code": "code"}.get(part, part)] = at
        elif part != "-":
            if CODE_PATTERN.fullmatch(part) is None:
                raise InvalidParameterError(
                    f"--columns: {part!r} is none of time, code, value and -, and no KPI's code"
                )
            wide.append((at, part))
        if at >= width:
            raise InvalidParameterError(f"--columns names {len(said)} columns, a line has {width}")
    if "time" in parts and "value" in parts and "code" in parts and not wide:
        return parts["time"], parts["code"], ((parts["value"], None),)
    if "time" in parts and wide and parts.keys() == {"time"}:
        return parts["time"], None, tuple(wide)
    raise InvalidParameterError(
        "--columns must name time, code and value, or time and the code of a KPI for each column"
    )
