"""Keeps the rollups of plain PostgreSQL clean, so that reading them stays cheap."""

from __future__ import annotations

import asyncio
import logging
import random
from types import TracebackType
from typing import Self

from app.data.database import Database, load_queries
from app.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0
BATCH_ENTRIES = 20_000
"""Log entries of one transaction: a backlog of millions must not become one."""

AWAY_SECONDS = 5.0


class Rollups:
    """Refreshes the rollups every second while it is open.

    Any number of processes may: one does it at a time. On TimescaleDB there is nothing to do.
    The views are right without it; it only makes them cheap.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queries = load_queries("postgres")
        self._task: asyncio.Task[None] | None = None
        self._needed: bool | None = None

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

    async def refresh(self) -> None:
        """Clean all that is dirty now; raises DatabaseUnavailableError."""
        if self._needed is None:
            async with self._database.connection() as connection:
                self._needed = bool(await self._queries.has_triggers(connection))
        while self._needed:
            async with self._database.connection() as connection:
                taken = await self._queries.refresh(connection, most=BATCH_ENTRIES)
            if taken is None or taken < BATCH_ENTRIES:
                return

    async def _run(self) -> None:
        while True:
            pause = INTERVAL_SECONDS
            try:
                await self.refresh()
            except DatabaseUnavailableError as error:
                log.warning("rollups wait: %s", error)
                pause = AWAY_SECONDS
            except Exception:
                log.exception("refreshing the rollups failed")
                pause = AWAY_SECONDS
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311
