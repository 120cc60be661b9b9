"""Reads for those who ask, so many at a time that whatever keeps streams up to date never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..errors import DatabaseUnavailableError
from .database import READ_SECONDS, Connection, Database
from .faults import PUBLIC_AWAY

Result = TypeVar("Result")

MOST_WAITING = 200
"""Reads that may wait for their turn; more are refused at once, to be asked again."""


class Visitors:
    """A database as anybody may read it, over at most half of its connections."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns = asyncio.Semaphore(max(database.size // 2, 1))
        self._waiting = 0

    async def read(self, query: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Return what an idempotent query returns, when it is its turn.

        Raises DatabaseUnavailableError where that takes too long, and what `Database.read` does.
        """
        if self._waiting >= MOST_WAITING:
            raise _busy()
        self._waiting += 1
        try:
            async with asyncio.timeout(READ_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise _busy() from None
        finally:
            self._waiting -= 1
        try:
            return await self._database.read(query)
        finally:
            self._turns.release()


def _busy() -> DatabaseUnavailableError:
    return DatabaseUnavailableError(
        f"{PUBLIC_AWAY} (more reads wait than it answers in time)", public=PUBLIC_AWAY
    )
