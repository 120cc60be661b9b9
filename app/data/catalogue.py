"""The KPIs there are, remembered for a little while."""

from __future__ import annotations

import time

from ..errors import NoValuesError, UnknownKpiError
from ..models import CatalogueEntry, Channel
from .repository import Repository
from .single_flight import SingleFlight

FRESH_SECONDS = 10.0
"""How long the catalogue is served from memory."""

UNKNOWN_SECONDS = 1.0
"""How soon it is read again for a code that it does not have: new KPIs should not wait long, and
asking for KPIs that do not exist must not become a load on the database."""


class Catalogue:
    """All KPIs by code, read when somebody asks and it is not fresh any more."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._flight: SingleFlight[str, None] = SingleFlight()
        self._entries: dict[str, CatalogueEntry] = {}
        self._read_at = -FRESH_SECONDS

    async def entries(self) -> list[CatalogueEntry]:
        """Return all KPIs, sorted by code."""
        await self._no_older_than(FRESH_SECONDS)
        return list(self._entries.values())

    async def require(self, code: str) -> CatalogueEntry:
        """Return one KPI; raise UnknownKpiError where neither catalogue nor data knows it."""
        entry = self._entries.get(code)
        if entry is None:
            await self._no_older_than(UNKNOWN_SECONDS)
            entry = self._entries.get(code)
        if entry is None:
            raise UnknownKpiError(f"no KPI has the code {code!r}; GET /kpi lists those there are")
        return entry

    async def require_channel(self, channel: Channel) -> None:
        """Raise UnknownKpiError where there is no such KPI, NoValuesError where it has none."""
        await self.require(channel.code)
        if reason := await self._repository.lacking(channel):
            raise NoValuesError(f"{channel} has no values: {reason}")

    async def _no_older_than(self, seconds: float) -> None:
        if time.monotonic() - self._read_at >= seconds:
            await self._flight.do("all", self._read)

    async def _read(self) -> None:
        entries = await self._repository.catalogue()
        self._entries = {entry.code: entry for entry in entries}
        self._read_at = time.monotonic()
