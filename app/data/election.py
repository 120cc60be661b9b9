"""One of several processes leads, by a lock of the database that goes with the session."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from ..errors import LeadershipLostError
from .database import Connection, Database, load_queries

_LOCK = 5784203004

SIGN_SECONDS = 0.5
"""How often a leader shows that it lives, and the others look whether it does."""

SILENT_SECONDS = 2.0
"""A leader that has not shown it for so long is deposed: it is frozen, or its host is gone."""

ANSWER_SECONDS = 1.5
"""How long the database may take to answer on the leader's session."""

_LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # What a session says that is asked again after an answer was given up.
    asyncpg.InternalClientError,
)


class Leadership:
    """A term in office; it ends with the session that holds the lock.

    `epoch` is higher than in any term before.
    """

    def __init__(self, connection: Connection, queries: Any, lock: int, epoch: int) -> None:
        self.epoch = epoch
        self._lock = lock
        self._connection = connection
        self._queries = queries
        self._asking = asyncio.Lock()

    async def verify(self) -> float:
        """Return the database's clock in seconds; raise LeadershipLostError if the term is over."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._asking:
                row = await self._queries.still_leads(self._connection, lock=self._lock)
        except _LOST as error:
            raise LeadershipLostError(f"the session is lost ({error!r})") from error
        if not row["leads"]:
            raise LeadershipLostError("another one leads")
        now: float = row["now"]
        return now

    async def hold(self) -> None:
        """Show signs of life until the term is over: raises LeadershipLostError."""
        while True:
            await self.verify()
            await asyncio.sleep(SIGN_SECONDS)


@asynccontextmanager
async def elected(database: Database, waiting: Callable[[], None]) -> AsyncIterator[Leadership]:
    """Wait until this process leads; `waiting` is called once if another one does.

    Raises DatabaseUnavailableError while the database is away.
    """
    queries = load_queries("election")
    async with database.session(ANSWER_SECONDS) as connection:
        told = False
        lock = await _within(queries.lock_number(connection, lock=_LOCK))
        while not await _within(queries.try_to_lead(connection, lock=lock)):
            if not told:
                told = True
                waiting()
            if await _within(queries.depose_silent(connection, lock=lock, seconds=SILENT_SECONDS)):
                continue
            await asyncio.sleep(SIGN_SECONDS * random.uniform(0.5, 1.0))  # noqa: S311
        leadership = Leadership(connection, queries, lock, await _within(queries.epoch(connection)))
        # The lock goes with the session.
        yield leadership


async def _within(query: Any) -> Any:
    async with asyncio.timeout(ANSWER_SECONDS):
        return await query
