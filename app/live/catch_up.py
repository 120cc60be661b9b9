"""What brings a newcomer up to date on one channel: held at one moment, encoded afterwards.

Encoding may take longer than the event loop should be kept from others, so it goes in slices. What
becomes new meanwhile waits in the newcomer's queue and follows; it is no part of this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from . import events
from .broadcaster import Broadcaster
from .events import View
from .series import Change

SLICE_BUCKETS = 400
"""Buckets encoded between two looks at the event loop; about five milliseconds' work."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot of up to `history` buckets, behind a `reset` where a cursor was refused."""

    history: int
    refused: str | None

    def hold(self, broadcaster: Broadcaster) -> View:
        """Return what is needed to encode it later."""
        return broadcaster.newest(self.history)

    def encode(self, view: View) -> Iterator[bytes]:
        """Yield its events."""
        if self.refused is not None:
            yield events.reset(view.channel, self.refused)
        yield events.fields("snapshot", events.snapshot(view, self.history).body)


@dataclass(frozen=True, slots=True)
class Repair:
    """A snapshot from the bucket numbered `first` on, for a listener that has other numbers."""

    first: int

    def hold(self, broadcaster: Broadcaster) -> View:
        """Return what is needed to encode it later."""
        return broadcaster.view(broadcaster.since(self.first))

    def encode(self, view: View) -> Iterator[bytes]:
        """Yield its event."""
        snapshot = events.snapshot(view, len(view.buckets), whole=True)
        yield events.fields("snapshot", snapshot.body)


@dataclass(frozen=True, slots=True)
class Missed:
    """What became complete after the bucket numbered `last`, and the health of now."""

    last: int

    def hold(self, broadcaster: Broadcaster) -> View:
        """Return what is needed to encode it later: the bucket `last` is the first delta's base."""
        return broadcaster.view(broadcaster.since(self.last))

    def encode(self, view: View) -> Iterator[bytes]:
        """Yield its events, a bucket each."""
        for previous, bucket in zip(view.buckets, view.buckets[1:], strict=False):
            kind = Change.GAP if bucket.value is None else Change.VALUE
            yield events.change(view.channel, view.grid, kind, bucket, previous, view.target)
        yield events.status(view.channel, view.health)


class CatchUp:
    """The first events of one channel for one newcomer.

    Whoever comes from the same place gets the same events, so they are remembered until something
    changes.
    """

    __slots__ = ("_broadcaster", "_kind", "_remembered", "_revision", "_view")

    def __init__(self, broadcaster: Broadcaster, kind: Snapshot | Repair | Missed) -> None:
        self._broadcaster = broadcaster
        self._kind = kind
        self._revision = broadcaster.revision
        self._remembered = broadcaster.recall(kind, self._revision)
        self._view = None if self._remembered is not None else kind.hold(broadcaster)

    def encode(self) -> Iterator[tuple[bytes, int]]:
        """Yield the events, each with the number of buckets that were encoded for it."""
        if self._view is None:
            yield from ((block, 0) for block in self._remembered or ())
            return
        cost = 1 if isinstance(self._kind, Missed) else len(self._view.buckets)
        made = []
        for block in self._kind.encode(self._view):
            made.append(block)
            yield block, cost
        self._broadcaster.remember(self._kind, self._revision, made)


async def first_blocks(catch_ups: Iterable[CatchUp]) -> list[bytes]:
    """Return the events of all channels, encoded in slices that let others run."""
    blocks = []
    left = SLICE_BUCKETS
    for catch_up in catch_ups:
        for block, cost in catch_up.encode():
            blocks.append(block)
            left -= cost
            if left <= 0:
                await asyncio.sleep(0)
                left = SLICE_BUCKETS
    return blocks
