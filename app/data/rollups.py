"""Keeps the rollups of plain PostgreSQL clean, so that reading them stays cheap."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from ..errors import ConfigurationError, DatabaseUnavailableError
from .database import Database, load_queries

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
"""While the database is away, or has no rollups."""

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
    """Refreshes the rollups about every second while it is open.

    Any number of processes may: one does it at a time. On TimescaleDB there is nothing to do.
    The views are right without it; it only makes them cheap.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queries = load_queries("postgres")
        self._has_rollups = False
        self._step_blocks = MOST_BLOCKS // 4
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
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

    async def refresh(self) -> bool:
        """Clean what is dirty now and over; return whether this database has rollups at all.

        It goes in steps, each a short transaction. Raises DatabaseUnavailableError.
        """
        async with self._database.connection() as connection:
            if not self._has_rollups:
                self._has_rollups = await self._queries.has_rollups(connection)
            if not self._has_rollups:
                return False
            pending = await self._queries.pending(connection)
        blocks = pending["blocks"]
        taken = await self._refresh_minutes(blocks)
        if taken or pending["hours"]:
            await self._refresh_coarse(self._queries.refresh_hours)
        if taken or pending["days"]:
            await self._refresh_coarse(self._queries.refresh_days)
        if taken and blocks >= LONG_LOG_BLOCKS:
            async with self._database.connection() as connection:
                await self._queries.shrink_log(connection)
        return True

    async def _refresh_minutes(self, blocks: int) -> int:
        total = first = 0
        while first < blocks:
            following = first + self._step_blocks
            taken = await self._step(first, following)
            if taken is None:
                break
            total += taken
            first = following
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
            try:
                pause = PAUSE_SECONDS if await self.refresh() else LONGEST_PAUSE_SECONDS
            except (DatabaseUnavailableError, ConfigurationError) as error:
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                log.warning("the rollups wait %.0f s: %s", pause, error)
            except Exception:
                pause = LONGEST_PAUSE_SECONDS
                log.exception("refreshing the rollups failed")
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311
