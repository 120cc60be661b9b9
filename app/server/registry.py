"""A set that can be waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """What is open now; `emptied` waits until nothing is."""

    def __init__(self) -> None:
        self._members: set[T] = set()
        self._waiting: asyncio.Event | None = None

    def add(self, member: T) -> None:
        """Take note of something that was opened."""
        self._members.add(member)

    def discard(self, member: T) -> None:
        """Forget something that was closed; idempotent."""
        self._members.discard(member)
        if not self._members and self._waiting is not None:
            self._waiting.set()

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[T]:
        """Go over those that are open now; they may be closed meanwhile."""
        return iter(list(self._members))

    async def emptied(self) -> None:
        """Wait until all are closed."""
        while self._members:
            self._waiting = asyncio.Event()
            await self._waiting.wait()
