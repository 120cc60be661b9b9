"""Makes the three views over a table of somebody's own, as SQL that is shown before it is run."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import AdoptionError
from ..settings import Settings
from .database import Database, fetch, load_queries
from .timescale import backend as timescale

ADOPT_SECONDS = 3600.0
"""For each statement: an index over all of a large table takes its time."""

_NUMERIC = {"smallint", "integer", "bigint", "numeric", "real", "double precision"}
_TIMES = {
    "timestamp with time zone": "{column}",
    "timestamp without time zone": "({column} AT TIME ZONE {zone})",
    "date": "({column}::timestamp AT TIME ZONE {zone})",
    "bigint": "to_timestamp({column}::double precision / {divisor})",
    "integer": "to_timestamp({column}::double precision)",
    "numeric": "to_timestamp({column}::double precision / {divisor})",
    "double precision": "to_timestamp({column} / {divisor})",
}
_LIKELY_TIMES = ("ts", "time", "timestamp", "at", "created_at", "measured_at", "datetime", "date")
_EPOCH = "timestamptz '2000-01-01 00:00:00+00'"
_CODE = r"^[A-Za-z0-9_.-]{1,64}$"

RULE = (
    "A code with other characters than A-Z a-z 0-9 _ . - or more than 64 gets _ in their place and "
    "six digits of the MD5 of what it was, so that no two become one; NULL and '' are written null."
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view with its columns and their types."""

    name: str
    columns: dict[str, str]
    is_table: bool
    is_hypertable: bool

    def times(self) -> list[str]:
        """Return the columns that may be the time, the likeliest first."""
        found = [name for name, kind in self.columns.items() if kind in _TIMES]
        real = [name for name in found if self.columns[name] not in _NUMERIC]
        named = [name for name in found if name.lower() in _LIKELY_TIMES]
        return list(dict.fromkeys([*[n for n in named if n in real], *real, *named]))

    def values(self, time_column: str) -> list[str]:
        """Return the columns that may be values."""
        return [
            name
            for name, kind in self.columns.items()
            if (kind.partition("(")[0] in _NUMERIC or kind == "boolean")
            and name != time_column
            and not re.search(r"(^|_)(id|code|no|number)$", name, re.IGNORECASE)
        ]

    def names(self, time_column: str, values: Sequence[str]) -> list[str]:
        """Return the columns with texts, which may tell one KPI from another."""
        return [
            name
            for name, kind in self.columns.items()
            if name != time_column
            and name not in values
            and kind.partition("(")[0] in ("text", "character varying", "character", "uuid")
        ]


@dataclass(frozen=True, slots=True)
class Adoption:
    """Which column is the time, which make the code, and which are the values.

    `code` is a template such as `plant.{machine}.{column}`. A time without a zone is of `zone`;
    a number is in seconds since 1970, or in milliseconds with `milliseconds`.
    """

    table: Table
    time: str
    code: str
    values: tuple[str, ...]
    zone: str = "UTC"
    milliseconds: bool = False

    def __post_init__(self) -> None:
        """Raise AdoptionError for what cannot be."""
        for column in (self.time, *self.values):
            if column not in self.table.columns:
                raise AdoptionError(f"{self.table.name} has no column {column!r}")
        kind = self.table.columns[self.time]
        if kind not in _TIMES:
            raise AdoptionError(f"{self.time} is {kind}, which is no time")
        for column in self.values:
            kind = self.table.columns[column]
            if kind not in _NUMERIC and kind != "boolean":
                raise AdoptionError(f"{column} is {kind}, which is no number")
        parts = _parts(self.code)
        for name in (part for part, is_column in parts if is_column):
            if name != "column" and name not in self.table.columns:
                raise AdoptionError(f"the code names {name!r}, which {self.table.name} has not")
        if len(self.values) > 1 and ("column", True) not in parts:
            raise AdoptionError("with several values the code has to name {column} as well")
        if not self.values:
            raise AdoptionError("there is no column with values")

    @property
    def is_continuous(self) -> bool:
        """Whether continuous aggregates can be made: of a hypertable, by its own time."""
        kind = self.table.columns[self.time]
        return self.table.is_hypertable and kind == "timestamp with time zone"

    def words(self, value: str | None = None) -> dict[str, str]:
        """Return the expressions that the statements are made with, of one value or of all."""
        column = None if value is None else _literal(value)
        raw = " || ".join(
            _literal(part)
            if not is_column
            else (column or "v.name")
            if part == "column"
            else f"coalesce(nullif(t.{_quoted(part)}::text, ''), 'null')"
            for part, is_column in _parts(self.code)
        )
        of = raw if value is not None else "raw.code"
        named = ", ".join(f"({_literal(name)}, {self._value(name)})" for name in self.values)
        return {
            "{time}": self._time("t."),
            "{raw_code}": f"{raw}::text",
            "{code}": (
                f"CASE WHEN ({of}) ~ '{_CODE}' THEN {of} ELSE "
                f"left(regexp_replace({of}, '[^A-Za-z0-9_.-]', '_', 'g'), 57) || '-' "
                f"|| left(md5({of}), 6) END"
            ),
            "{values}": named,
            "{value}": "" if value is None else self._value(value),
            "{table}": self.table.name,
            "{zone}": self.zone,
        }

    def _time(self, of: str) -> str:
        form = _TIMES[self.table.columns[self.time]]
        return (
            form.replace("{column}", of + _quoted(self.time))
            .replace("{zone}", _literal(self.zone))
            .replace("{divisor}", "1000" if self.milliseconds else "1")
        )

    def _value(self, name: str) -> str:
        cast = "::integer" if self.table.columns[name] == "boolean" else ""
        return f"t.{_quoted(name)}{cast}::double precision"

    def statements(self, timezone: str, *, replaces: bool) -> list[str]:
        """Return the SQL, in order; `timezone` is that of the days."""
        dropped = [_text("drop_views", {})] if replaces else []
        make = self._continuous if self.is_continuous else self._plain
        return dropped + make(timezone)

    def _plain(self, timezone: str) -> list[str]:
        made = [_text("plain_rows", self.words())]
        for period in ("minute", "hour", "day"):
            bucket = _bucket(period, '"timestamp"', timezone)
            made.append(_text("plain_view", {"{period}": period, "{bucket_of_row}": bucket}))
        if self.table.is_table:
            plain = re.sub(r"\W+", "_", self.table.name)[:40]
            for period in ("minute", "hour", "day"):
                words = {
                    "{index}": f"kpi_adopted_{plain}_{period}",
                    "{bucket}": _bucket(period, self._time(""), timezone),
                }
                made.append(_text("plain_index", self.words() | words))
        return made

    def _continuous(self, timezone: str) -> list[str]:
        made = []
        day = "INTERVAL '1 day', bucket"
        if timezone not in ("UTC", "Etc/UTC"):
            day += f", {_literal(timezone)}"
        arguments = {"hour": "INTERVAL '1 hour', bucket", "day": day}
        numbers = range(1, len(self.values) + 1)
        for number, value in zip(numbers, self.values, strict=True):
            words = self.words(value) | {"{number}": str(number)}
            made.append(_text("continuous_minute", words))
            for period, bucket in arguments.items():
                coarse = words | {"{period}": period, "{bucket_arguments}": bucket}
                made.append(_text("continuous_coarse", coarse))
            for period in ("minute", "hour", "day"):
                made.append(_text("continuous_policy", words | {"{period}": period}))
        for period in ("minute", "hour", "day"):
            parts = [
                _text("continuous_part", {"{number}": str(number), "{period}": period})
                for number in numbers
            ]
            union = "\nUNION ALL\n".join(part.rstrip("; \n") for part in parts)
            made.append(_text("continuous_view", {"{period}": period, "{all}": union}))
        return made


def _text(name: str, words: dict[str, str]) -> str:
    return str(getattr(load_queries("adopt", words), name).sql)


def _bucket(period: str, at: str, timezone: str) -> str:
    """Return the start of a bucket as an expression that an index can have."""
    if period == "day":
        zone = _literal(timezone)
        return f"date_trunc('day', {at} AT TIME ZONE {zone}) AT TIME ZONE {zone}"
    return f"date_bin(INTERVAL '1 {period}', {at}, {_EPOCH})"


def _parts(template: str) -> list[tuple[str, bool]]:
    """Return the parts of a template, and whether each is a column."""
    parts = re.split(r"\{([^{}]+)\}", template)
    return [(part, at % 2 == 1) for at, part in enumerate(parts) if part]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Adopter:
    """Looks at a database's tables, and runs what an adoption says."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._queries = load_queries("adopt")

    async def tables(self) -> list[str]:
        """Return the tables and views that might be meant, the largest first."""
        rows = await self._database.read(lambda c: fetch(c, self._queries.tables))
        return [row["name"] for row in rows]

    async def table(self, name: str) -> Table:
        """Return a table; raise AdoptionError where there is none."""
        async with self._database.connection() as connection:
            rows = await fetch(connection, self._queries.columns, table=name)
            if not rows:
                raise AdoptionError(f"there is no table or view {name}")
            is_table = bool(await self._queries.is_table(connection, table=name))
            usable = await timescale.usable(connection)
            hyper = usable and await self._queries.is_hypertable(connection, table=name)
        columns = {row["name"]: row["type"] for row in rows}
        return Table(rows[0]["table_name"], columns, is_table, bool(hyper))

    async def replaces(self) -> bool:
        """Whether there are views of an earlier adoption; raise AdoptionError for others."""
        async with self._database.connection() as connection:
            whose = await self._queries.views_of(connection)
        if whose == "others":
            raise AdoptionError(
                "views kpi_values_… are there, which are not of an adoption: adopt before db init, "
                "or in an empty schema, by ?search_path=kpi and adopt public.orders"
            )
        return bool(whose == "adopted")

    async def sample(self, adoption: Adoption) -> list[tuple[datetime | None, str]]:
        """Return the time and code of some rows; raise AdoptionError where they cannot be had."""
        statement = load_queries("adopt", adoption.words()).sample
        rows: list[Any] = await self._database.read(lambda c: fetch(c, statement))
        return [(row["at"], row["code"]) for row in rows]

    async def run(self, adoption: Adoption, statements: Sequence[str]) -> None:
        """Run the statements; those of plain PostgreSQL in one transaction."""
        async with self._database.session(ADOPT_SECONDS) as connection:
            if not adoption.is_continuous:
                async with connection.transaction():
                    for statement in statements:
                        await connection.execute(statement)
                return
            for statement in statements:
                await connection.execute(statement)
            for number in range(1, len(adoption.values) + 1):
                for period in ("minute", "hour", "day"):
                    words = {
                        "{number}": str(number),
                        "{period}": period,
                        "{zone}": self._settings.timezone if period == "day" else "UTC",
                    }
                    await connection.execute(_text("refresh", words))

    async def cost(self, adoption: Adoption) -> tuple[int, float]:
        """Return how many minutes the newest day has, and the seconds that adding it up takes."""
        async with self._database.session(ADOPT_SECONDS) as connection:
            newest = await load_queries("adopt", adoption.words()).newest(connection)
            if newest is None:
                return 0, 0.0
            first = newest.replace(hour=0, minute=0, second=0, microsecond=0)
            began = time.perf_counter()
            buckets = await self._queries.a_day(connection, first=first)
            return int(buckets), time.perf_counter() - began
