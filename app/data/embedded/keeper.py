"""Starts the embedded PostgreSQL again when it has ended by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import Self

from ...errors import ConfigurationError
from .cluster import Cluster
from .room import full_disk

LOOK_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Keeper:
    """Looks after a cluster that runs, while its `async with` lasts.

    A server that was killed, or that gave up on a full disk, is started again, on a full disk as
    soon as there is room. `turn` keeps others from starting or stopping it meanwhile.
    """

    def __init__(
        self, cluster: Cluster, turn: Callable[[], AbstractAsyncContextManager[None]]
    ) -> None:
        self._cluster = cluster
        self._turn = turn
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not await self._cluster.is_running():
                await self._start_again()

    async def _start_again(self) -> None:
        """Start the server; wait longer after each attempt that fails, and say each reason once."""
        said, wait_seconds = "", LOOK_SECONDS
        _log.error("the embedded PostgreSQL has ended by itself; it is started again")
        while True:
            reason = await asyncio.to_thread(full_disk, self._cluster.folder)
            if reason is None:
                reason = await self._try_to_start()
                if reason is None:
                    _log.error("the embedded PostgreSQL runs again")
                    return
                wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)
            else:
                reason += "; it starts again as soon as there is room"
                wait_seconds = LOOK_SECONDS
            if reason != said:
                said = reason
                _log.error("the embedded PostgreSQL cannot be started: %s", reason)
            await asyncio.sleep(wait_seconds)

    async def _try_to_start(self) -> str | None:
        """Return why it did not start, None where it did."""
        try:
            async with self._turn():
                await self._cluster.start()
        except (ConfigurationError, OSError, TimeoutError) as error:
            return str(error) or type(error).__name__
        return None
