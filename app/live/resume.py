"""What a newcomer is told first: from where its cursor says it stands to where the others are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ..data.repository import Repository
from ..errors import CursorError, DatabaseUnavailableError
from ..models import Bucket, Channel, Period
from . import cursor, former_cursor
from .broadcaster import Broadcaster
from .catch_up import CatchUp, Missed, Repair, Snapshot
from .clock import DatabaseClock
from .cursor import Position
from .poller import Poller
from .series import digest_of

MAX_MISSED = 4_320
"""The most that is caught up on a channel, three days of minutes; beyond it starts anew."""

MAX_MISSED_IN_ALL = 20_000
"""The same for all channels of one stream: anybody can make a cursor up."""

MAX_ROUNDS = 5
"""How often a wait may be followed by another, because a tick came meanwhile."""


@dataclass(slots=True)
class Resume:
    """Where a newcomer stands on each of its channels, and on which it has to start anew."""

    positions: dict[Channel, Position] = field(default_factory=dict)
    refused: dict[Channel, str] = field(default_factory=dict)

    @classmethod
    def read(cls, cursors: Sequence[str], broadcasters: Sequence[Broadcaster]) -> Resume:
        """Find each channel's position in the cursors; without a cursor there are none."""
        resume = cls()
        if not cursors:
            return resume
        try:
            found = cursor.decode(cursors)
            reason = "the cursor does not speak of this channel"
        except CursorError as error:
            found, reason = {}, str(error)
        for broadcaster in broadcasters:
            position = found.get(cursor.key(broadcaster.channel, broadcaster.grid))
            if position is not None and position.digest is None:
                last = former_cursor.number_of(position.last, broadcaster.grid.period)
                position = position._replace(last=last)
            if position is None:
                resume.refused[broadcaster.channel] = reason
            else:
                resume.positions[broadcaster.channel] = position
        return resume

    def _with_position(
        self, broadcasters: Iterable[Broadcaster]
    ) -> list[tuple[Broadcaster, Position]]:
        return [(b, self.positions[b.channel]) for b in broadcasters if b.channel in self.positions]

    def limit(self, broadcasters: Iterable[Broadcaster], now_seconds: float) -> None:
        """Refuse what no channel can have published yet, and what is too much to catch up on.

        `now_seconds` is the time at the database.
        """
        left = MAX_MISSED_IN_ALL
        for broadcaster, position in self._with_position(broadcasters):
            missed = broadcaster.series.last - position.last
            if position.last >= broadcaster.grid.index(now_seconds):
                self.refuse(broadcaster.channel, "the cursor is from the future")
            elif missed > MAX_MISSED:
                self.refuse(broadcaster.channel, "the cursor is too old")
            elif missed > left:
                self.refuse(broadcaster.channel, "the stream has too much to catch up on")
            else:
                left -= max(missed, 0)

    def refuse(self, channel: Channel, reason: str) -> None:
        """Let a channel start anew."""
        del self.positions[channel]
        self.refused[channel] = reason

    def older(self, broadcasters: Iterable[Broadcaster]) -> dict[Broadcaster, int]:
        """Return the channels that lack buckets to resume from, with the first number needed."""
        standing = self._with_position(broadcasters)
        firsts = ((b, _window_first(position, b)) for b, position in standing)
        return {b: first for b, first in firsts if first < b.first}

    def ahead(self, broadcasters: Iterable[Broadcaster]) -> list[Broadcaster]:
        """Return the channels of which the newcomer has more than was published here."""
        return [b for b, at in self._with_position(broadcasters) if at.last > b.series.last]

    def corrected(self, broadcasters: Iterable[Broadcaster]) -> list[Broadcaster]:
        """Return the channels on which the newcomer has other numbers than were published here."""
        return [b for b, at in self._with_position(broadcasters) if not _agrees(at, b)]

    def catch_ups(self, broadcasters: Iterable[Broadcaster], history: int) -> list[CatchUp]:
        """Take hold of what the newcomer is told first, in one step of the event loop."""
        return [self._catch_up(broadcaster, history) for broadcaster in broadcasters]

    def _catch_up(self, broadcaster: Broadcaster, history: int) -> CatchUp:
        position = self.positions.get(broadcaster.channel)
        if position is None:
            refused = self.refused.get(broadcaster.channel)
            return CatchUp(broadcaster, Snapshot(history, refused))
        if _agrees(position, broadcaster):
            return CatchUp(broadcaster, Missed(position.last))
        return CatchUp(broadcaster, Repair(_window_first(position, broadcaster)))


def _window_first(position: Position, broadcaster: Broadcaster) -> int:
    """Return the number of the first bucket in the correction window of a position."""
    return position.last - broadcaster.series.width + 1


def _agrees(position: Position, broadcaster: Broadcaster) -> bool:
    """Whether the window of a position holds what was published here."""
    series = broadcaster.series
    if position.width != series.width or position.last > series.last:
        return False
    window = broadcaster.since(_window_first(position, broadcaster), series.width)
    return digest_of(window) == position.digest


def _periods(broadcasters: Iterable[Broadcaster]) -> list[Period]:
    return sorted({broadcaster.grid.period for broadcaster in broadcasters})


class ResumeReader:
    """Gets from the database what resuming takes: once for all who come back together."""

    def __init__(
        self, repository: Repository, pollers: Mapping[Period, Poller], clock: DatabaseClock
    ) -> None:
        self._repository = repository
        self._pollers = pollers
        self._clock = clock
        self._reading = {period: asyncio.Lock() for period in pollers}

    async def prepare(self, resume: Resume, broadcasters: Sequence[Broadcaster]) -> None:
        """Make sure that all positions of `resume` can be caught up from without another wait.

        What cannot be caught up from is refused. A tick may come during each wait, so whatever was
        found before one is looked at again after it. Raises DatabaseUnavailableError.
        """
        await self._advance(resume.ahead(broadcasters))
        looked = False
        for _ in range(MAX_ROUNDS):
            resume.limit(broadcasters, self._clock.now())
            for broadcaster in resume.ahead(broadcasters):
                resume.refuse(broadcaster.channel, "the cursor is from the future")
            if older := resume.older(broadcasters):
                await self._read_older(older)
                continue
            if not looked and (corrected := resume.corrected(broadcasters)):
                # Another process may have seen a correction that this one has not. Without the
                # database what was published here stands.
                looked = True
                with suppress(DatabaseUnavailableError):
                    await self._look_again(corrected)
                continue
            return
        resume.limit(broadcasters, self._clock.now())
        for broadcaster in {*resume.older(broadcasters), *resume.ahead(broadcasters)}:
            resume.refuse(broadcaster.channel, "the stream changes too fast to resume it")

    async def _advance(self, broadcasters: Iterable[Broadcaster]) -> None:
        """Publish what is complete: another process may have published further than this one.

        Its clock may even have been put forward. Anybody can make a cursor up, so all who cause it
        in the same second share it.
        """
        for period in _periods(broadcasters):
            poller = self._pollers[period]
            await asyncio.sleep(poller.schedule.ask_in_seconds)
            poller.schedule.ask()
            await poller.turn()

    async def _look_again(self, broadcasters: Iterable[Broadcaster]) -> None:
        for period in _periods(broadcasters):
            await self._pollers[period].look_again()

    async def _read_older(self, needed: Mapping[Broadcaster, int]) -> None:
        """Read what is older than the series hold, a period after the other."""
        for period in _periods(needed):
            async with self._reading[period]:
                # Whoever had the lock before may have read the same.
                firsts = {
                    broadcaster: first
                    for broadcaster, first in needed.items()
                    if broadcaster.grid.period is period and first < broadcaster.first
                }
                if firsts:
                    await self._read_period(period, firsts)

    async def _read_period(self, period: Period, firsts: Mapping[Broadcaster, int]) -> None:
        starts = {b.channel.code: b.grid.start(first) for b, first in firsts.items()}
        reading = await self._repository.since(period, starts)
        rows: dict[str, dict[int, Bucket]] = {code: {} for code in starts}
        for code, bucket in reading.rows:
            rows[code][bucket.start] = bucket
        for broadcaster, first in firsts.items():
            broadcaster.keep_older(first, rows[broadcaster.channel.code])
