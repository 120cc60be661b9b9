"""Keeps the rollups of plain PostgreSQL clean, so that reading them stays cheap."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from ..errors import ConfigurationError, DatabaseUnavailableError
from .database import Database, load_queries

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
"""While the database is away."""

READ_SECONDS = 30.0
"""How long after somebody has read the rollups they are kept clean."""

IDLE_SECONDS = 600.0
LONGEST_IDLE_SECONDS = 3600.0
SHORTEST_IDLE_SECONDS = 60.0
"""Between two looks while nobody reads: longer and longer where nobody writes, so that a database
may sleep, and shorter where so much is written that the first to read would have to wait."""

MANY_ENTRIES = 50_000
"""Taken at once while nobody reads, they shorten the time to the next look."""

STEP_SECONDS = 0.5
"""What a transaction should take at most; how much it does is fitted to that."""

MOST_BLOCKS = 64
"""Blocks of the log in one transaction at most, which hold about 12,000 entries. What they cost
depends on the raw rows in their minutes."""

BATCH_BUCKETS = 500
"""Hours or days that are summed up anew in one transaction; a day has up to 1,500 minutes."""

LONG_LOG_BLOCKS = 64
"""A log of half a megabyte is worth giving its space back."""


class Rollups:
    """Refreshes the rollups about every second while somebody reads, and seldom otherwise.

    Any number of processes may: one does it at a time. On TimescaleDB there is nothing to do.
    The views are right without it; it only makes them cheap.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queries = load_queries("postgres")
        self._has_rollups = False
        self._step_blocks = MOST_BLOCKS // 4
        self._idle_seconds = IDLE_SECONDS
        self._opened_at = 0.0
        self._said: str | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._opened_at = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._run(), name="rollups")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def refresh(self, tell: Callable[[float], None] = lambda _: None) -> int | None:
        """Clean what is dirty now and over; return how many entries of the log that were.

        None is for a database without rollups. It goes in steps, each a short transaction; `tell`
        is told after each which share of the log is done. Raises DatabaseUnavailableError, and
        ConfigurationError where it may not write.
        """
        async with self._database.connection() as connection:
            if not self._has_rollups:
                self._has_rollups = await self._queries.has_rollups(connection)
            if not self._has_rollups:
                return None
            pending = await self._queries.pending(connection)
        blocks = pending["blocks"]
        taken = await self._refresh_minutes(blocks, tell)
        if taken or pending["hours"]:
            await self._refresh_coarse(self._queries.refresh_hours)
        if taken or pending["days"]:
            await self._refresh_coarse(self._queries.refresh_days)
        if taken and blocks >= LONG_LOG_BLOCKS:
            await self._database.run_alone(self._queries.shrink_log.sql)
        return taken

    async def _refresh_minutes(self, blocks: int, tell: Callable[[float], None]) -> int:
        total = first = 0
        while first < blocks:
            following = first + self._step_blocks
            taken = await self._step(first, following)
            if taken is None:
                break
            total += taken
            first = following
            tell(min(first / blocks, 1.0))
        return total

    async def _step(self, first: int, following: int) -> int | None:
        """Refresh the minutes noted in some blocks, and fit the next step to what that took."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        taken: int | None = None
        try:
            async with self._database.connection() as connection:
                taken = await self._queries.refresh_minutes(
                    connection, first_block=first, next_block=following
                )
        finally:
            seconds = loop.time() - started
            if seconds > STEP_SECONDS:
                self._step_blocks = max(self._step_blocks // 2, 1)
            elif taken and seconds < STEP_SECONDS / 4:
                self._step_blocks = min(self._step_blocks * 2, MOST_BLOCKS)
        return taken

    async def _refresh_coarse(self, refresh: Callable[..., Awaitable[int | None]]) -> None:
        taken: int | None = BATCH_BUCKETS
        while taken is not None and taken >= BATCH_BUCKETS:
            async with self._database.connection() as connection:
                taken = await refresh(connection, most=BATCH_BUCKETS)

    async def _run(self) -> None:
        pause = PAUSE_SECONDS
        while True:
            pause = await self._turn(pause)
            await self._rest(pause)

    async def _turn(self, pause: float) -> float:
        """Refresh once, and return how long to wait; what goes wrong is said once."""
        try:
            taken = await self.refresh()
        except DatabaseUnavailableError as error:
            self._say(f"the rollups wait: {error}")
            return min(2 * pause, LONGEST_PAUSE_SECONDS)
        except ConfigurationError as error:
            self._say(
                f"this process does not keep the rollups: {error}; reading gets slower until "
                "another one does, as a role that may write them"
            )
            return IDLE_SECONDS
        except Exception:
            log.exception("refreshing the rollups failed")
            return LONGEST_PAUSE_SECONDS
        self._said = None
        if taken is None:
            return IDLE_SECONDS
        self._idle_seconds = _fitted(self._idle_seconds, taken)
        return PAUSE_SECONDS

    async def _rest(self, pause: float) -> None:
        """Wait for the next turn; while nobody reads until somebody does, or for long."""
        pause *= random.uniform(0.8, 1.2)  # noqa: S311
        if self._database.read_at > max(
            self._opened_at, asyncio.get_running_loop().time() - READ_SECONDS
        ):
            self._idle_seconds = IDLE_SECONDS
            await asyncio.sleep(pause)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(max(pause, self._idle_seconds)):
                await self._database.next_read()

    def _say(self, sentence: str) -> None:
        if sentence != self._said:
            self._said = sentence
            log.warning("%s", sentence)


def _fitted(idle_seconds: float, taken: int) -> float:
    """Return how long to wait while nobody reads, after a look that took so many entries."""
    if taken == 0:
        return min(2 * idle_seconds, LONGEST_IDLE_SECONDS)
    if taken > MANY_ENTRIES:
        return max(idle_seconds / 4, SHORTEST_IDLE_SECONDS)
    return idle_seconds
