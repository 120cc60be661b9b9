"""The parts of one process, opened in order and closed in reverse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.data.database import Database
from app.data.repository import Repository
from app.data.rollups import Rollups
from app.live.catalogue import Catalogue
from app.live.hub import Hub
from app.live.snapshots import Snapshots
from app.metrics import Metrics
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes need."""

    settings: Settings
    database: Database
    repository: Repository
    hub: Hub
    catalogue: Catalogue
    snapshots: Snapshots
    metrics: Metrics


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """Open everything that a gateway runs."""
    metrics = Metrics()
    async with Database(settings) as database:
        repository = Repository(database, settings)
        async with Rollups(database), Hub(repository, settings, metrics) as hub:
            yield Service(
                settings,
                database,
                repository,
                hub,
                Catalogue(repository),
                Snapshots(hub, repository, settings),
                metrics,
            )
