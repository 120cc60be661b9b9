"""Questions in, models out: what is read from the aggregates and the catalogue."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ..errors import ConfigurationError
from ..grid import make_grids
from ..models import (
    CODE_PATTERN,
    STORED_PERIODS,
    Bucket,
    CatalogueEntry,
    Channel,
    Period,
)
from ..settings import Settings
from .database import Connection, Reader, fetch, load_queries
from .definitions import AVERAGES, Definitions
from .faults import PUBLIC_MISFIT, refusals_explained
from .reads import Reads, fitted_reads, time_arguments
from .rows import Reading, bucket_of, entry_of
from .timescale import backend as timescale

SLICE_ROWS = 2_000
"""Rows turned into buckets between two looks at the event loop; a few milliseconds' work."""

FITTED_SECONDS = 120.0
"""How long statements fit the views as they were seen: `db init` may change them at any time."""


_ALWAYS = -(2**62)
"""A start before all others."""

_RANGE = {"first": None, "until": None, "depth": 0, "ahead": 0}

_REDEFINED_ATTEMPTS = 3

_VIEWS = "a view kpi_values_… cannot be read (db check says which)"


class Repository:
    """Reads buckets and catalogue; every method is one query, and may be asked again.

    A KPI's buckets hold its own value, by its aggregate or its formula. Where those have changed
    since they were last looked at, they are read and the query is asked again. All methods raise
    DatabaseUnavailableError while the database is away, and ConfigurationError where its views are
    missing or its days begin in another time zone. `grids` are this process's; `definitions` are
    those of the last answer.
    """

    def __init__(self, database: Reader, settings: Settings) -> None:
        self._database = database
        self._grace = timedelta(seconds=settings.grace_seconds)
        self.grids = make_grids(settings.zone)
        self._reads: dict[Period, Reads] = {}
        self._look_again_at = 0.0
        self.definitions = AVERAGES
        self._catalogue = load_queries("catalogue")

    async def new_buckets(self, period: Period, codes: Sequence[str], after: int) -> Reading:
        """Return the complete buckets of these codes that start after `after`."""
        first = self.grids[period].next(after)
        return await self._buckets_in(period, dict.fromkeys(codes, first), first=first)

    async def window(self, period: Period, codes: Sequence[str], depth: int) -> Reading:
        """Return those of the last `depth` complete buckets of these codes that have raw rows."""
        # Days and months are not all of one length: one more than was asked for is read.
        spare = 1 if period.is_calendar else 0
        firsts = dict.fromkeys(codes, _ALWAYS)
        reading = await self._buckets_in(period, firsts, depth=depth + spare)
        if not spare:
            return reading
        first = self.grids[period].shift(reading.complete_until, -depth)
        return reading._replace(rows=[row for row in reading.rows if row[1].start >= first])

    async def since(self, period: Period, firsts: Mapping[str, int]) -> Reading:
        """Return the complete buckets of each code from its own first start on."""
        return await self._buckets_in(period, firsts, first=min(firsts.values(), default=0))

    async def before(self, period: Period, code: str, end: int, count: int) -> Reading:
        """Return those of the `count` buckets of a code before `end` that are complete."""
        first = self.grids[period].shift(end, -count)
        return await self._buckets_in(period, {code: first}, first=first, until=end)

    async def open_buckets(self, period: Period, codes: Sequence[str]) -> Reading:
        """Return of each code the bucket that is not complete yet, as it is so far."""
        firsts = dict.fromkeys(codes, _ALWAYS)
        return await self._buckets_in(period, firsts, depth=0, ahead=2)

    async def differing(
        self, period: Period, digests: Mapping[str, int], first: int, until: int
    ) -> dict[str, list[Bucket]]:
        """Return all buckets in [first, until) of the codes whose digests there sum up otherwise.

        A code that has no bucket left there comes with none.
        """
        rows, _ = await self._fetch(
            "differing",
            period,
            dict.fromkeys(digests, first),
            first=first,
            until=until,
            compared=list(digests),
            digests=" ".join(map(str, digests.values())),
        )
        changed: dict[str, list[Bucket]] = {row[1]: [] for row in rows[1:]}
        for code, bucket in await self._buckets(period, rows[1:]):
            changed[code].append(bucket)
        return changed

    async def catalogue(self) -> list[CatalogueEntry]:
        """Return every KPI that the catalogue or the data knows, sorted by code."""

        async def query(connection: Connection) -> tuple[list[Any], list[str]]:
            described = await self._described(connection)
            return described, [row[0] for row in await fetch(connection, self._catalogue.codes)]

        with refusals_explained(_VIEWS):
            described, codes = await self._database.read(query)
        entries = {code: CatalogueEntry(code, code) for code in codes}
        for entry in described:
            # A catalogue of somebody else's may have codes that no URL can have.
            if CODE_PATTERN.fullmatch(str(entry["code"])):
                entries[str(entry["code"])] = entry_of(entry)
        return [entries[code] for code in sorted(entries)]

    async def codes(self) -> set[str]:
        """Return the KPIs that have complete buckets."""
        with refusals_explained(_VIEWS):
            rows = await self._database.read(lambda c: fetch(c, self._catalogue.codes))
        return {row[0] for row in rows}

    async def verify(self) -> None:
        """Raise ConfigurationError where the views are missing or of another shape."""
        for period in STORED_PERIODS:
            await self._database.read(lambda c, period=period: self._of(period, c))  # type: ignore[misc]

    async def lacking(self, channel: Channel) -> str | None:
        """Say why the database has no values for a channel; None where it may have some."""
        reads = self._reads.get(channel.period)
        if reads is None or self.definitions is AVERAGES:
            reads = await self._database.read(lambda c: self._prepared(channel.period, c))
        if reason := self.definitions.wrong.get(channel.code):
            return reason
        return reads.lacking(self.definitions.needed(channel.code))

    async def refresh_health(self) -> timescale.RefreshHealth:
        """Return whether whatever refreshes the views does its work, and how long that takes."""
        return await self._database.read(timescale.refresh_health)

    async def clock(self) -> float:
        """Return the database's time in seconds since 1970 UTC."""
        now: float = await self._database.read(self._catalogue.clock)
        return now

    async def _described(self, connection: Connection) -> list[Any]:
        if not await self._catalogue.has_catalogue(connection):
            return []
        rows = await fetch(connection, self._catalogue.described)
        return [json.loads(row[0]) for row in rows]

    async def _buckets_in(
        self,
        period: Period,
        firsts: Mapping[str, int],
        *,
        first: int | None = None,
        until: int | None = None,
        depth: int = 0,
        ahead: int = 0,
    ) -> Reading:
        """Return the buckets of each code from its first on, in a range of `queries/reads`."""
        grid = self.grids[period]
        rows, definitions = await self._fetch(
            "read", period, firsts, first=first, until=until, depth=depth, ahead=ahead
        )
        _, _, said, now, *_ = rows[0]
        # Where midnight comes twice PostgreSQL means the second, and says so from the first on.
        complete = grid.start(grid.index(said))
        found = await self._buckets(period, rows[1:])
        if ahead:
            found = [row for row in found if row[1].start == complete]
        elif complete != said:
            found = [row for row in found if row[1].start < complete]
        return Reading(now, complete, found, definitions)

    async def _fetch(
        self, name: str, period: Period, firsts: Mapping[str, int], **arguments: Any
    ) -> tuple[list[Any], Definitions]:
        """Return the rows of a statement, asked with the definitions that hold, and these."""
        times = time_arguments(period, self.grids[period].zone.key)

        async def query(connection: Connection) -> tuple[list[Any], Definitions]:
            reads = await self._of(period, connection)
            statement = getattr(reads.statements, name)
            rows, asked = [], self.definitions
            for _ in range(_REDEFINED_ATTEMPTS):
                asked = self.definitions
                rows = await fetch(
                    connection,
                    statement,
                    **(_RANGE | arguments | times | asked.arguments(firsts)),
                    grace=self._grace,
                )
                if rows[0][0] == asked.digest:
                    break
                await self._define(connection, rows[0][0])
            return rows, asked

        try:
            with refusals_explained(_VIEWS):
                return await self._database.read(query)
        except ConfigurationError:
            # Somebody may be making the views anew.
            self._reads.clear()
            raise

    async def _prepared(self, period: Period, connection: Connection) -> Reads:
        reads = await self._of(period, connection)
        if self.definitions is AVERAGES and reads.has_catalogue:
            await self._define(connection, "")
        return reads

    async def _define(self, connection: Connection, digest: str) -> None:
        rows = await fetch(connection, self._catalogue.definitions)
        # A thousand formulas take a tenth of a second to read.
        self.definitions = await asyncio.to_thread(
            Definitions.read, digest, [dict(row) for row in rows]
        )

    async def _of(self, period: Period, connection: Connection) -> Reads:
        now = asyncio.get_running_loop().time()
        if now >= self._look_again_at:
            self._look_again_at = now + FITTED_SECONDS
            self._reads.clear()
        reads = self._reads.get(period)
        if reads is None:
            reads = self._reads[period] = await fitted_reads(period, connection)
        return reads

    async def _buckets(self, period: Period, rows: list[Any]) -> list[tuple[str, Bucket]]:
        """Turn rows into buckets, a slice at a time; those without a start are left out."""
        found: list[tuple[str, Bucket]] = []
        for first in range(0, len(rows), SLICE_ROWS):
            if first:
                await asyncio.sleep(0)
            found += [
                (row[1], bucket_of(*row[2:]))
                for row in rows[first : first + SLICE_ROWS]
                if row[2] is not None
            ]
        if period is Period.DAY:
            self._require_days(found)
        elif period.is_calendar:
            grid = self.grids[period]
            found = [
                (code, bucket._replace(start=grid.start(grid.index(bucket.start))))
                for code, bucket in found
            ]
        return found

    def _require_days(self, found: list[tuple[str, Bucket]]) -> None:
        """Never publish days of another time zone, whoever made them and whenever."""
        grid = self.grids[Period.DAY]
        for code, bucket in found:
            if not grid.is_start(bucket.start):
                raise ConfigurationError(
                    f"a day of {code} in kpi_values_day does not begin at midnight in "
                    f"{grid.zone.key}: set KPI_TIMEZONE to the zone of the database's days, or "
                    "run kpi-stream db init to make them anew; if it is that zone, the time zone "
                    "data of this machine and of the database differ",
                    public=PUBLIC_MISFIT,  # it may be a KPI that whoever asks may not see
                )
