"""What all connections of a process share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..metrics import Metrics
from .admission import Admission
from .hypercorn_contract import ASGIFramework, Config, LifespanState, WorkerContext
from .limits import Limits
from .open_set import OpenSet
from .request_handler import RequestHandler
from .socket_subscriber import Streams

if TYPE_CHECKING:
    from .connection import Connection


class Shared:
    """What all connections of a process share."""

    def __init__(
        self,
        app: ASGIFramework,
        config: Config,
        limits: Limits,
        metrics: Metrics,
        state: LifespanState,
    ) -> None:
        self.handler = RequestHandler(app, limits, metrics)
        self.config = config
        self.context = WorkerContext(None)
        self.for_protocols = (config, self.context, state)
        self.for_scopes = (config, state)
        self.limits = limits
        self.metrics = metrics
        self.loop = asyncio.get_running_loop()
        self.admission = Admission(self.loop)
        self.connections: OpenSet[Connection] = OpenSet()
        self.streams = Streams(limits, metrics, self.loop.time)
        self.idle: dict[Connection, None] = {}
        """The connections on which nothing is being answered, longest idle first."""

    def make_room(self) -> bool:
        """Close the connection that has been idle longest if there are too many; return success."""
        most = self.limits.max_connections
        if most is None or self.metrics.connections_opened - self.metrics.connections_closed < most:
            return True
        if self.idle:
            longest = next(iter(self.idle))
            del self.idle[longest]
            self.metrics.connections_displaced += 1
            longest.abort()
            return True
        self.metrics.connections_refused += 1
        return False
