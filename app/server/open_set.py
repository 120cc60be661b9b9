"""A set with wait-until-empty."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class OpenSet(Generic[T]):
    """What is open now: connections, streams."""

    def __init__(self) -> None:
        self._members: set[T] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, member: T) -> None:
        """Take note of something that was opened."""
        self._members.add(member)
        self._empty.clear()

    def discard(self, member: T) -> None:
        """Forget something that was closed; idempotent."""
        self._members.discard(member)
        if not self._members:
            self._empty.set()

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def __iter__(self) -> Iterator[T]:
        """Go over those that are open now; they may be closed meanwhile."""
        return iter(list(self._members))

    async def emptied(self) -> None:
        """Wait until nothing is open; any number of tasks may wait."""
        while self._members:
            await self._empty.wait()
