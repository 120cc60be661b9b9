"""Questions in, models out: what is read from the aggregates and the catalogue."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from app.data.database import Connection, Database, load_queries
from app.errors import ConfigurationError
from app.models import Bucket, CatalogueEntry, Period
from app.settings import Settings

_COLUMNS = """SELECT kpi_code, extract(epoch FROM bucket)::bigint AS start,
        avg_value::double precision AS value, {points} AS points,
        {minimum} AS minimum, {maximum} AS maximum,
        hash_record_extended(ROW(avg_value, {points}, {minimum}, {maximum}), 0) AS digest
    FROM kpi_values_{period}"""


class Reading(NamedTuple):
    """One answer of the database.

    `now` is its clock in seconds since 1970 UTC; `complete_until` the start of the first bucket
    that is not complete yet; `rows` the complete buckets with raw rows, by code and start.
    """

    now: float
    complete_until: int
    rows: list[tuple[str, Bucket]]


class Repository:
    """Reads buckets and catalogue; every method is one query, and may be asked again.

    All raise DatabaseUnavailableError while the database is away.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._reads: dict[Period, Any] = {}
        self._catalogue = load_queries("catalogue")

    async def new_buckets(self, period: Period, codes: Sequence[str], after: int) -> Reading:
        """Return the complete buckets of these codes that start after `after`."""
        return await self._reading("new_buckets", period, codes=list(codes), after=after)

    async def window(self, period: Period, codes: Sequence[str], depth: int) -> Reading:
        """Return those of the last `depth` complete buckets of these codes that have raw rows."""
        return await self._reading("window", period, codes=list(codes), depth=depth)

    async def since(self, period: Period, firsts: Mapping[str, int]) -> Reading:
        """Return the complete buckets of each code from its own first start on."""
        return await self._reading(
            "since", period, codes=list(firsts), firsts=list(firsts.values())
        )

    async def differing(
        self, period: Period, digests: Mapping[str, int], first: int, until: int
    ) -> dict[str, list[Bucket]]:
        """Return all buckets in [first, until) of the codes whose digests there sum up otherwise.

        A code that has no bucket left there comes with none.
        """

        async def query(connection: Connection) -> list[Any]:
            reads = await self._of(period, connection)
            rows: list[Any] = []
            async for row in reads.differing(
                connection,
                codes=list(digests),
                digests=list(digests.values()),
                first=first,
                until=until,
            ):
                rows.append(row)
            return rows

        changed: dict[str, list[Bucket]] = {}
        for code, start, *numbers in await self._database.read(query):
            buckets = changed.setdefault(code, [])
            if start is not None:
                buckets.append(_bucket(start, *numbers))
        return changed

    async def catalogue(self) -> list[CatalogueEntry]:
        """Return every KPI that the catalogue or the data knows, sorted by code."""

        async def query(connection: Connection) -> tuple[list[Any], list[str]]:
            described = []
            if await self._catalogue.has_catalogue(connection):
                rows = self._catalogue.described(connection)
                described = [json.loads(row["entry"]) async for row in rows]
            return described, [row["kpi_code"] async for row in self._catalogue.codes(connection)]

        described, codes = await self._database.read(query)
        entries = {code: CatalogueEntry(code, code) for code in codes}
        for entry in described:
            entries[entry["code"]] = _entry(entry)
        return [entries[code] for code in sorted(entries)]

    async def clock(self) -> float:
        """Return the database's time in seconds since 1970 UTC."""
        now: float = await self._database.read(lambda c: self._catalogue.clock(c))
        return now

    async def _reading(self, name: str, period: Period, **arguments: Any) -> Reading:
        zone = self._settings.timezone if period is Period.DAY else "UTC"
        grace = timedelta(seconds=self._settings.grace_seconds)

        async def query(connection: Connection) -> list[Any]:
            reads = await self._of(period, connection)
            ask = getattr(reads, name)
            return [row async for row in ask(connection, zone=zone, grace=grace, **arguments)]

        rows = await self._database.read(query)
        now, until = rows[0]["now"], rows[0]["until"]
        found = [
            (code, _bucket(start, *numbers))
            for _, _, code, start, *numbers in rows
            if code is not None
        ]
        return Reading(now, until, found)

    async def _of(self, period: Period, connection: Connection) -> Any:
        """Return the statements that fit the columns which this period's view has."""
        reads = self._reads.get(period)
        if reads is None:
            words = {"{columns}": _COLUMNS, "{period}": period.value}
            columns = await load_queries("reads", words).columns(connection)
            if not columns or not {"bucket", "kpi_code", "avg_value"} <= set(columns):
                raise ConfigurationError(
                    f"the database has no view kpi_values_{period} (bucket, kpi_code, avg_value); "
                    "run kpi-stream db init"
                )
            has = set(columns)
            words |= {
                "{points}": "data_points::bigint" if "data_points" in has else "NULL::bigint",
                "{minimum}": _double("min_value", has),
                "{maximum}": _double("max_value", has),
            }
            reads = self._reads[period] = load_queries("reads", words)
        return reads


def _double(column: str, has: set[str]) -> str:
    return f"{column if column in has else 'NULL'}::double precision"


def _bucket(
    start: int,
    value: float | None,
    points: int | None,
    minimum: float | None,
    maximum: float | None,
    digest: int,
) -> Bucket:
    if value is None or not math.isfinite(value):
        # JSON has no such number; a view of the user's own may.
        return Bucket(start, None, points, None, None, digest)
    return Bucket(start, value, points, minimum, maximum, digest)


def _entry(entry: dict[str, Any]) -> CatalogueEntry:
    return CatalogueEntry(
        code=entry["code"],
        name=entry.get("name") or entry["code"],
        unit=entry.get("unit") or "",
        decimals=entry.get("decimals"),
        direction=entry.get("direction"),
        target=entry.get("target"),
        simulated=bool(entry.get("simulated")),
    )
