"""Writes the demo's rows: what the machine does and what the simulated business did."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from math import floor
from types import TracebackType
from typing import Self

from ...errors import KpiStreamError
from ..database import Database, load_queries
from .catalogue import MACHINE
from .history import LENGTH, History
from .sampler import MachineSampler
from .simulator import COMPUTED, SIMULATED, STEP_SECONDS, Simulator

log = logging.getLogger(__name__)

FIRST_SCREEN = timedelta(days=3)
"""The history that is there when the feed is open; the rest of the week follows in seconds."""

RETRY_SECONDS = 5.0
WHOLE_MINUTE_SECONDS = 60
"""A pause this long may have left a minute without rows."""


class DemoFeed:
    """Feeds a database while it is open, in one statement at full seconds of the wall clock.

    The machine's KPIs get a row every second, the simulated ones every STEP_SECONDS. Seconds in
    which the database is away, or this process was held up, are skipped and counted; the simulated
    KPIs' whole minutes among them are filled in later, the machine's stay empty. `history` is
    how far back they are filled; `clock` is the time in seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        *,
        seed: int = 1,
        history: timedelta = LENGTH,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.seconds_written = 0
        self.seconds_skipped = 0
        self._database = database
        self._clock = clock
        self._queries = load_queries("demo")
        self._simulator = Simulator(seed)
        self._length = history
        self._history = History(database, self._simulator)
        self._sampler = MachineSampler()
        self._counted: tuple[float, int] | None = None
        self._transactions: dict[str, float] = {}
        self._resumed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Open the feed; raises DatabaseUnavailableError."""
        await self._describe()
        first_screen = min(self._length, FIRST_SCREEN)
        await self._history.fill(self._clock(), first_screen, with_begun_minute=True)
        self._resumed.set()
        self._tasks = [
            asyncio.create_task(self._run_live(), name="demo-live"),
            asyncio.create_task(self._run_history(), name="demo-history"),
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    async def _describe(self) -> None:
        entries = [*MACHINE, *COMPUTED, *(kpi.entry for kpi in SIMULATED)]
        async with self._database.connection() as connection:
            await self._queries.describe(
                connection,
                codes=[entry.code for entry in entries],
                names=[entry.name for entry in entries],
                units=[entry.unit for entry in entries],
                decimals=[entry.decimals for entry in entries],
                directions=[entry.direction for entry in entries],
                targets=[entry.target for entry in entries],
                simulated=[entry.simulated for entry in entries],
                warnings=[entry.warning for entry in entries],
                aggregates=[entry.aggregate.value for entry in entries],
                formulas=[entry.formula for entry in entries],
                groups=["Business" if entry.simulated else "Machine" for entry in entries],
            )

    async def _run_live(self) -> None:
        last = floor(self._clock())
        is_away = False
        while True:
            second = await self._next_second()
            held_up = max(second - last - 1, 0)
            self.seconds_skipped += held_up
            last = second
            try:
                await self._write(second)
            except KpiStreamError as error:
                self.seconds_skipped += 1
                if not is_away:
                    log.warning("the demo's feed pauses: %s", error)
                is_away = True
            except Exception:
                self.seconds_skipped += 1
                log.exception("the demo's feed failed for a second")
            else:
                self.seconds_written += 1
                if is_away:
                    log.warning("the demo's feed goes on")
                if is_away or held_up >= WHOLE_MINUTE_SECONDS:
                    self._resumed.set()
                is_away = False

    async def _next_second(self) -> int:
        """Wait for the next full second and return it; one that is over already is never made up.

        The sleep is a second at most, so a wall clock that is set is followed at once.
        """
        now = self._clock()
        second = floor(now) + 1
        await asyncio.sleep(second - now)
        return max(second, floor(self._clock()))

    async def _write(self, second: int) -> None:
        values = await asyncio.to_thread(self._sampler.sample)
        if second % STEP_SECONDS == 0:
            values |= {code: self._simulator.value(code, second) for code in self._simulator.codes}
        values |= self._transactions
        async with self._database.connection() as connection:
            count = await self._queries.write_second(
                connection, second=second, codes=list(values), values=list(values.values())
            )
        self._count_transactions(time.monotonic(), count)

    def _count_transactions(self, now: float, count: int) -> None:
        """Keep the rate since the statement before, for the next second's rows."""
        before, self._counted = self._counted, (now, count)
        self._transactions = {}
        # A database that crashed counts from nothing again.
        if before is not None and count >= before[1]:
            rate = (count - before[1]) / (now - before[0])
            self._transactions = {"database_transactions": round(rate, 3)}

    async def _run_history(self) -> None:
        while True:
            await self._resumed.wait()
            self._resumed.clear()
            try:
                await self._history.fill(self._clock(), self._length)
            except Exception as error:
                if not isinstance(error, KpiStreamError):
                    log.exception("filling the simulated history failed")
                self._resumed.set()
                await asyncio.sleep(RETRY_SECONDS)
