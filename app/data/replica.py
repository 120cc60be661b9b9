"""Reads windows and catch-up from a replica, and never less than the primary had."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from ..errors import DatabaseUnavailableError
from ..models import Period
from ..settings import Settings
from .database import Reader, load_queries
from .repository import Repository
from .rows import Reading

WAIT_SECONDS = 0.25
"""How long a replica may take to catch up before the primary is read instead."""

_LOOK_SECONDS = 0.01

AWAY_SECONDS = 10.0
"""How long a replica that did not answer is left alone."""

_log = logging.getLogger(__name__)


class ReplicatedRepository(Repository):
    """A repository that reads long ranges from a streaming replica.

    A replica is behind by an unknown time, so a bucket that is missing there may be a bucket that
    has not arrived: the primary is asked first how far it is (one function call, no table), and
    the replica is read only once it has replayed that. What is complete is judged by the
    primary's clock.
    """

    def __init__(self, primary: Reader, replica: Reader, settings: Settings) -> None:
        super().__init__(primary, settings)
        self._primary = primary
        self._replica = replica
        self._copy = Repository(replica, settings)
        self._copy.grids = self.grids
        self._grace_seconds = settings.grace_seconds
        self._queries = load_queries("replica")
        self._left_alone_until = 0.0

    async def window(self, period: Period, codes: Sequence[str], depth: int) -> Reading:
        """Return what the primary would, one bucket more at the beginning."""
        return await self._read(
            period,
            lambda copy: copy.window(period, codes, depth + 1),
            lambda: super(ReplicatedRepository, self).window(period, codes, depth),
        )

    async def since(self, period: Period, firsts: Mapping[str, int]) -> Reading:
        """Return what the primary would."""
        return await self._read(
            period,
            lambda copy: copy.since(period, firsts),
            lambda: super(ReplicatedRepository, self).since(period, firsts),
        )

    async def _read(
        self,
        period: Period,
        from_replica: Callable[[Repository], Awaitable[Reading]],
        from_primary: Callable[[], Awaitable[Reading]],
    ) -> Reading:
        loop = asyncio.get_running_loop()
        if loop.time() < self._left_alone_until:
            return await from_primary()
        position = await self._primary.read(self._queries.position)
        try:
            if await self._caught_up(position["lsn"]):
                return self._as_of(position["now"], period, await from_replica(self._copy))
            _log.info("the replica is behind; reading the primary")
        except DatabaseUnavailableError as error:
            self._left_alone_until = loop.time() + AWAY_SECONDS
            _log.warning("reading the primary: the replica is away: %s", error)
        return await from_primary()

    async def _caught_up(self, lsn: str) -> bool:
        """Wait until the replica has replayed up to a position; False if that takes too long."""
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        while not await self._replica.read(lambda c: self._queries.has_replayed(c, lsn=lsn)):
            if asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(_LOOK_SECONDS)
        return True

    def _as_of(self, now: float, period: Period, reading: Reading) -> Reading:
        """Leave out what the replica's clock calls complete and the primary's does not."""
        grid = self.grids[period]
        until = min(reading.complete_until, grid.start(grid.index(now - self._grace_seconds)))
        rows = [row for row in reading.rows if row[1].start < until]
        return reading._replace(now=now, complete_until=until, rows=rows)
