"""The parts of one process, opened in order and closed in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from .access.access import Access, open_access
from .access.limits import Limits
from .data.boards import Boards
from .data.catalogue import Catalogue
from .data.database import Database
from .data.replica import ReplicatedRepository
from .data.repository import Repository
from .data.rollups import Rollups
from .data.schema import check_zone
from .data.token_store import TokenStore
from .data.visitors import Visitors
from .errors import ConfigurationError, DatabaseUnavailableError
from .live.cluster.messaging import InProcess, Messaging
from .live.cluster.publisher import publish
from .live.cluster.redis_messaging import RedisMessaging
from .live.cluster.redis_publication import RedisPublication
from .live.hub import Hub
from .live.snapshots import Snapshots
from .metrics import Board, Metrics, Report
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes need."""

    settings: Settings
    access: Access
    limits: Limits
    database: Database
    repository: Repository
    hub: Hub
    catalogue: Catalogue
    snapshots: Snapshots
    boards: Boards
    metrics: Metrics
    report: Report


@asynccontextmanager
async def open_service(
    settings: Settings, board: Board | None = None, process: int = 0
) -> AsyncIterator[Service]:
    """Open everything that a gateway runs; raises ConfigurationError.

    With several processes behind one port each is one `process` of the same board.
    """
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(settings))
        repository = Repository(database, settings)
        visitors = Repository(Visitors(database), settings)
        if settings.read_database_url is not None:
            url = settings.read_database_url.get_secret_value()
            replica = await stack.enter_async_context(
                Database(settings, url=url, variable="KPI_READ_DATABASE_URL")
            )
            repository = ReplicatedRepository(database, replica, settings)
            visitors = ReplicatedRepository(Visitors(database), Visitors(replica), settings)
        visitors.grids = repository.grids
        with suppress(DatabaseUnavailableError):  # it may come later
            await check_zone(database, settings)
            await repository.verify()
        messaging: Messaging = InProcess()
        if settings.redis_url is None:
            await stack.enter_async_context(Rollups(database))
        else:
            # The publishers keep the rollups: gateways may be many.
            url = settings.redis_url.get_secret_value()
            messaging = RedisMessaging(url, repository.grids, metrics)
        boards = Boards(database)
        hub = await stack.enter_async_context(
            Hub(repository, settings, metrics, messaging, boards.newest, visitors)
        )
        report = Report(board or Board(), process, metrics, hub.gauges)
        await stack.enter_async_context(report)
        access = await stack.enter_async_context(open_access(settings, TokenStore(database)))
        yield Service(
            settings,
            access,
            Limits(settings, metrics),
            database,
            repository,
            hub,
            Catalogue(visitors),
            Snapshots(hub, visitors, settings),
            boards,
            metrics,
            report,
        )


@asynccontextmanager
async def open_publisher(settings: Settings, tell: Callable[[str], None]) -> AsyncIterator[None]:
    """Open everything that a publisher runs; raises ConfigurationError."""
    if settings.redis_url is None:
        raise ConfigurationError("KPI_REDIS_URL names no Redis to publish to")
    async with (
        Database(settings) as database,
        Rollups(database),
        RedisPublication(settings.redis_url.get_secret_value()) as publication,
        asyncio.TaskGroup() as group,
    ):
        task = group.create_task(publish(settings, database, publication, tell))
        try:
            yield
        finally:
            task.cancel()
