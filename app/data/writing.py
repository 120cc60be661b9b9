"""Rows that come over HTTP: read as a whole, written as a whole, and once for each key."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from ..errors import InvalidCodeError, InvalidRowsError, NotKeptError
from ..models import parse_code
from .database import Database, load_queries
from .faults import refusals_explained, rows_explained
from .importing.lines import BadLineError, parse_timestamp, parse_value

MAX_ROWS = 100_000
MAX_LINE_ENDS = 4 * MAX_ROWS
"""CR LF counts twice; so many empty lines, or none that is a row, would take half a minute."""

MAX_MISTAKES = 1000
"""How many are looked for."""

MAX_KEY_LENGTH = 200
_SHOWN_MISTAKES = 5
_COLUMNS = {"timestamp", "kpi_code", "value"}


class Row(NamedTuple):
    """A raw row; without a time it is of the moment it is written."""

    timestamp: datetime | None
    code: str
    value: float


class Written(NamedTuple):
    """How many rows a request wrote, and whether an earlier one with its key had done so."""

    rows: int
    repeated: bool


def read_rows(body: bytes, code: str | None) -> list[Row]:
    """Read JSON lines, or CSV of timestamp,kpi_code,value; raise InvalidRowsError for any mistake.

    With a `code` rows need not name it, and may have no other. The time may be left out.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRowsError("the body is not UTF-8") from None
    if body.count(b"\n") + body.count(b"\r") > MAX_LINE_ENDS:
        raise _too_many_rows()
    records = _json_lines(text) if text.lstrip().startswith("{") else _csv(text, code)
    rows: list[Row] = []
    mistakes: list[str] = []
    for number, record in records:
        try:
            if isinstance(record, BadLineError):
                raise record
            rows.append(_row(record, code))
        except BadLineError as error:
            mistakes.append(f"line {number}: {error}")
        if len(mistakes) > MAX_MISTAKES:
            break
        if len(rows) > MAX_ROWS:
            raise _too_many_rows()
    if mistakes:
        more = len(mistakes) - _SHOWN_MISTAKES
        several = "many" if len(mistakes) > MAX_MISTAKES else more
        shown = mistakes[:_SHOWN_MISTAKES] + ([f"and {several} more"] if more > 0 else [])
        raise InvalidRowsError("; ".join(shown) + "; nothing was written")
    if not rows:
        raise InvalidRowsError(
            'there are no rows: send lines such as {"timestamp": "2026-05-04T12:00:00Z", '
            '"kpi_code": "orders", "value": 3}'
        )
    return rows


def _too_many_rows() -> InvalidRowsError:
    return InvalidRowsError(f"a request has up to {MAX_ROWS:,} rows; send several")


_Record = tuple[int, dict[str, Any] | BadLineError]


def _json_lines(text: str) -> Iterator[_Record]:
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            yield number, BadLineError("this is no JSON object on one line")
            continue
        if not isinstance(record, dict):
            yield number, BadLineError("this is no JSON object")
        elif unknown := sorted(record.keys() - _COLUMNS):
            yield number, BadLineError(f"{unknown[0]!r} is none of timestamp, kpi_code, value")
        elif isinstance(record.get("value"), bool | str):
            yield number, BadLineError("the value is not a number")
        else:
            yield number, record


def _csv(text: str, code: str | None) -> Iterator[_Record]:
    names: list[str] | None = None
    usual = {3: ["timestamp", "kpi_code", "value"]}
    if code is not None:
        usual |= {2: ["timestamp", "value"], 1: ["value"]}
    reader = csv.reader(io.StringIO(text), strict=True)
    while True:
        try:
            fields = [field.strip() for field in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, BadLineError(str(error))
            return
        number = reader.line_num
        if fields in ([], [""]):
            continue
        if names is None and "value" in (header := [field.lower() for field in fields]):
            if unknown := sorted(set(header) - _COLUMNS):
                yield number, BadLineError(f"{unknown[0]!r} is none of timestamp, kpi_code, value")
                return
            names = header
            continue
        columns = names or usual.get(len(fields))
        if columns is None or len(columns) != len(fields):
            wanted = ",".join(names or usual[2 if code is not None else 3])
            yield number, BadLineError(f"{len(fields)} fields where {wanted} are wanted")
        else:
            yield number, dict(zip(columns, fields, strict=True))


def _row(record: dict[str, Any], code: str | None) -> Row:
    named = record.get("kpi_code") or code
    if named is None:
        raise BadLineError("the row names no kpi_code")
    if code is not None and named != code:
        raise BadLineError(f"the row is of {named}, not of {code}")
    if record.get("value") is None:
        raise BadLineError("the row has no value")
    timestamp = record.get("timestamp") or None
    try:
        named = parse_code(str(named))
    except InvalidCodeError as error:
        raise BadLineError(str(error)) from None
    at = None if timestamp is None else parse_timestamp(str(timestamp))
    return Row(at, named, parse_value(str(record["value"])))


class Writer:
    """Writes rows into `kpi_raw_data`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queries = load_queries("write")

    async def write(self, rows: list[Row], *, owner: str, key: str | None) -> Written:
        """Write all rows in one transaction, or none.

        With a `key`, which is the `owner`'s alone, rows that were written with it are not written
        again for a week. Raises InvalidRowsError where they were other rows or the database's own
        rules do not take one, NotKeptError, ConfigurationError, DatabaseUnavailableError.
        """
        with refusals_explained("kpi_raw_data cannot be written"), rows_explained():
            return await self._write(rows, owner, key)

    async def _write(self, rows: list[Row], owner: str, key: str | None) -> Written:
        async with self._database.transaction() as connection:
            if not await self._queries.has_raw_table(connection):
                raise NotKeptError(
                    "this database has no table kpi_raw_data: its rows are written elsewhere"
                )
            if key is not None:
                await self._queries.forget_keys(connection)
                name = f"{owner}\n{key}"
                fingerprint = _fingerprint(rows)
                taken = await self._queries.take_key(
                    connection, key=name, fingerprint=fingerprint, row_count=len(rows)
                )
                if not taken:
                    used = await self._queries.used_key(connection, key=name)
                    if used["fingerprint"] != fingerprint:
                        raise InvalidRowsError(
                            f"the Idempotency-Key {key!r} was used for other rows; use a new one"
                        )
                    return Written(used["row_count"], repeated=True)
            await self._queries.write_rows(
                connection,
                times=[row.timestamp for row in rows],
                codes=[row.code for row in rows],
                row_values=[row.value for row in rows],
            )
        return Written(len(rows), repeated=False)


def _fingerprint(rows: list[Row]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for row in rows:
        digest.update(repr(row).encode())
    return digest.digest()
