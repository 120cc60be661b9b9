"""The simulated business's past: whatever minutes of the last week have no rows yet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ..database import Database, fetch, load_queries
from ..rollups import Rollups
from .simulator import STEP_SECONDS, Simulator

LENGTH = timedelta(days=7)
"""The history that the demo shows."""

CHUNK_MINUTES = 2_000

Row = tuple[datetime, str, float]


class History:
    """Fills the holes in the simulated KPIs' past, and only these.

    Since a value depends on nothing but its time, what is filled is what would have been written.
    """

    def __init__(self, database: Database, simulator: Simulator) -> None:
        self._database = database
        self._simulator = simulator
        self._queries = load_queries("demo")

    async def fill(self, now: float, length: timedelta, *, with_begun_minute: bool = False) -> int:
        """Write what is missing in `length` before the minute of `now`, newest first.

        The minute of `now` is filled up to `now` on request, while nobody else writes: begun
        shortly before its end it would have no row, and be a gap. Return how many rows that were.
        Raises DatabaseUnavailableError; what was written until then stays.
        """
        until = int(now) // 60 * 60
        first = until - int(length.total_seconds())
        missing = await self._missing(first, until + 60 if with_begun_minute else until)
        written = 0
        for start in range(0, len(missing), CHUNK_MINUTES):
            # Computing takes a while, and others share this event loop.
            chunk = missing[start : start + CHUNK_MINUTES]
            rows = await asyncio.to_thread(self._rows, chunk, int(now))
            async with self._database.connection() as connection:
                await connection.copy_records_to_table(
                    "kpi_raw_data", records=rows, columns=("timestamp", "kpi_code", "value")
                )
            written += len(rows)
        if written:
            await Rollups(self._database).refresh()
        return written

    async def _missing(self, first: int, until: int) -> list[tuple[str, int]]:
        """Return code and start of each minute without a row, newest first."""
        async with self._database.connection() as connection:
            rows = await fetch(
                connection,
                self._queries.missing_minutes,
                codes=self._simulator.codes,
                first=first,
                until=until,
            )
        return [(row["code"], row["minute"]) for row in rows]

    def _rows(self, minutes: Sequence[tuple[str, int]], now: int) -> list[Row]:
        return [
            (datetime.fromtimestamp(second, UTC), code, self._simulator.value(code, second))
            for code, minute in minutes
            for second in range(minute, min(minute + 60, now + 1), STEP_SECONDS)
        ]
