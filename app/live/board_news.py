"""Tells those who look at a shared board that somebody has changed it, in whatever process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from ..errors import KpiStreamError
from . import events
from .fanout import Delivery, Subscription, Writer
from .subscriber import Payload

NewestBoards: TypeAlias = Callable[[Sequence[str]], Awaitable[dict[str, int]]]

LOOK_SECONDS = 2.0


class BoardNews:
    """Looks for new versions of the boards that somebody follows; of others nothing is asked.

    `newest` returns the version of each of some boards; None where the database keeps none.
    """

    def __init__(self, writer: Writer, newest: NewestBoards | None) -> None:
        self._writer = writer
        self._newest = newest
        self._wishes: dict[Subscription, frozenset[str]] = {}
        self._known: dict[str, int] = {}

    def add(self, subscription: Subscription, slugs: Sequence[str]) -> None:
        """Tell a listener of changes; once of the version of now, as it may have read an older."""
        self._wishes[subscription] = frozenset(slugs)
        for slug in slugs:
            self._known.pop(slug, None)

    def discard(self, subscription: Subscription) -> None:
        """Forget a listener."""
        self._wishes.pop(subscription, None)

    def changed(self, slug: str, version: int) -> None:
        """Tell everybody who follows a board that it has this version now."""
        if self._known.get(slug) == version:
            return
        followers = [wish.subscriber for wish, slugs in self._wishes.items() if slug in slugs]
        if not followers:
            return
        self._known[slug] = version
        self._writer.put(Delivery(Payload(events.burst([events.board(slug, version)])), followers))

    async def run(self) -> None:
        """Look until cancelled; a database that is away is asked again."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            followed = {slug for slugs in self._wishes.values() for slug in slugs}
            self._known = {slug: self._known[slug] for slug in followed & self._known.keys()}
            if not followed or self._newest is None:
                continue
            before = dict(self._known)
            with suppress(KpiStreamError):
                for slug, version in (await self._newest(sorted(followed))).items():
                    # What was told meanwhile is newer than what was read.
                    if self._known.get(slug) == before.get(slug):
                        self.changed(slug, version)
