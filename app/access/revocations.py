"""Which of our own tokens were revoked, as of a few seconds ago."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from ..data.single_flight import SingleFlight
from ..data.token_store import TokenStore
from ..errors import ConfigurationError, DatabaseUnavailableError, KpiStreamError

log = logging.getLogger(__name__)

FRESH_SECONDS = 5.0
"""How old the list may be."""

USED_SECONDS = 60.0
"""How long after the last question the list is still kept fresh: streams ask twice a second, and
with none open the database is left alone."""


class Revocations:
    """The revoked ids. `async with` it: the list is read again while anybody asks for it.

    While the database is away the last list stands.
    """

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._flight: SingleFlight[str, None] = SingleFlight()
        self._ids: frozenset[str] = frozenset()
        self._read_at = -FRESH_SECONDS
        self._asked_at = -USED_SECONDS
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="revocations")
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

    def has(self, ids: Iterable[str]) -> bool:
        """Tell whether one of the ids was revoked, by the list as it is."""
        self._asked_at = time.monotonic()
        return not self._ids.isdisjoint(ids)

    def add(self, id: str) -> None:
        """Take note of an id that was revoked here, so that it counts no more from now on."""
        self._ids |= {id}

    async def look(self) -> None:
        """Make the list fresh; raises DatabaseUnavailableError if it was never read."""
        if time.monotonic() - self._read_at < FRESH_SECONDS:
            return
        try:
            await self._flight.do("revoked", self._read)
        except DatabaseUnavailableError:
            if self._read_at < 0:
                raise

    async def _read(self) -> None:
        try:
            self._ids = await self._store.revoked()
        except ConfigurationError as error:
            # Without the table no screen was ever made, and no session ended.
            log.warning("revoked tokens cannot be read, run kpi-stream db init: %s", error)
        self._read_at = time.monotonic()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FRESH_SECONDS)
            if time.monotonic() - self._asked_at < USED_SECONDS:
                try:
                    await self.look()
                except KpiStreamError as error:
                    log.warning("revoked tokens cannot be read: %s", error)
                except Exception:
                    log.exception("revoked tokens cannot be read")
