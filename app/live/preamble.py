"""What a newcomer gets first: the retry time, and all that brings it to where everybody stands."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import CursorError
from ..models import Bucket, Channel
from . import cursor, events
from .broadcaster import Broadcaster
from .cursor import Position
from .resume import MAX_BUCKETS_IN_ALL, cost, first_needed

RETRY_MILLISECONDS = (1000, 4000)
"""How long a client waits before it connects again, spread so that they do not come at once."""

BUSY_RETRY_MILLISECONDS = (3000, 9000)
"""The same after a refusal."""

Older = Mapping[Channel, dict[int, Bucket]]


def retry_block(milliseconds: tuple[int, int] = RETRY_MILLISECONDS) -> bytes:
    """Return a jittered `retry:` block."""
    return events.retry(random.randint(*milliseconds))  # noqa: S311


@dataclass(slots=True)
class Standing:
    """Where a newcomer stands on each of its channels, as its cursor says."""

    positions: dict[Channel, Position] = field(default_factory=dict)
    refused: dict[Channel, str] = field(default_factory=dict)

    @classmethod
    def read(cls, cursors: Sequence[str], broadcasters: Sequence[Broadcaster]) -> Standing:
        """Find each channel's position in the cursors; without a cursor there are none."""
        standing = cls()
        if not cursors:
            return standing
        try:
            found = cursor.decode(cursors)
            reason = "the cursor does not speak of this channel"
        except CursorError as error:
            found, reason = {}, str(error)
        for broadcaster in broadcasters:
            position = found.get(cursor.key(broadcaster.channel, broadcaster.grid))
            if position is None:
                standing.refused[broadcaster.channel] = reason
            else:
                standing.positions[broadcaster.channel] = position
        return standing

    def check(self, broadcasters: Sequence[Broadcaster]) -> None:
        """Refuse the positions that cannot be caught up from, at all or at a fair price."""
        left = MAX_BUCKETS_IN_ALL
        for broadcaster in broadcasters:
            position = self.positions.get(broadcaster.channel)
            if position is not None:
                try:
                    left -= cost(position, broadcaster.series.last)
                    if left < 0:
                        raise CursorError("the stream has too much to catch up on")
                except CursorError as error:
                    self._refuse(broadcaster.channel, error)

    def ahead(self, broadcasters: Sequence[Broadcaster]) -> list[Broadcaster]:
        """Return the channels of which the newcomer has more than was published here yet."""
        return [b for b in broadcasters if self._last(b.channel) > b.series.last]

    def needs_older(self, broadcasters: Sequence[Broadcaster]) -> dict[Broadcaster, int]:
        """Return from when on buckets are needed that are older than what a channel holds."""
        needed: dict[Broadcaster, int] = {}
        for broadcaster in broadcasters:
            position = self.positions.get(broadcaster.channel)
            if position is not None and first_needed(position) < broadcaster.series.first:
                needed[broadcaster] = broadcaster.grid.start(first_needed(position))
        return needed

    def corrected(self, broadcasters: Sequence[Broadcaster], older: Older) -> list[Broadcaster]:
        """Return the channels on which something that the newcomer has was changed."""
        corrected = []
        for broadcaster in broadcasters:
            position = self.positions.get(broadcaster.channel)
            if position is not None:
                try:
                    missed = broadcaster.missed(position, older.get(broadcaster.channel, {}))
                except CursorError:
                    corrected.append(broadcaster)
                else:
                    if missed.corrected:
                        corrected.append(broadcaster)
        return corrected

    def blocks(
        self, broadcasters: Sequence[Broadcaster], older: Older, history: int
    ) -> list[bytes]:
        """Return the events that bring the newcomer to now."""
        blocks: list[bytes] = []
        for broadcaster in broadcasters:
            channel = broadcaster.channel
            position = self.positions.get(channel)
            if position is not None:
                try:
                    missed = broadcaster.missed(position, older.get(channel, {}))
                except CursorError as error:
                    self._refuse(channel, error)
                else:
                    blocks += [*missed.blocks, broadcaster.status_block()]
                    continue
            if channel in self.refused:
                blocks.append(_reset_block(channel, self.refused[channel]))
            blocks.append(events.fields("snapshot", broadcaster.snapshot(history).body))
        return blocks

    def _last(self, channel: Channel) -> int:
        position = self.positions.get(channel)
        return -1 if position is None else position.last

    def _refuse(self, channel: Channel, error: CursorError) -> None:
        del self.positions[channel]
        self.refused[channel] = str(error)


def _reset_block(channel: Channel, reason: str) -> bytes:
    data = {"kpi": channel.code, "period": channel.period.value, "reason": reason}
    return events.fields("reset", events.dumps(data))
