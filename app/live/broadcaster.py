"""One channel in this process: what was published on it, and to whom the next goes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from ..grid import Grid
from ..models import Bucket, Channel
from . import cursor, events
from .events import Encoded, View
from .fanout import Group
from .health import LIVE, Health, Trouble, judge
from .series import AWAY, Change, WatchedChannel

_MAX_REMEMBERED = 64
_MAX_REMEMBERED_BYTES = 262_144

MISSED_TOO_MUCH = "too much became new at once"


class Broadcaster(WatchedChannel):
    """A channel while somebody listens: one database result for all of them.

    It is watched by the poller of its period from the first listener to the last, and turns what
    the poller saw into events, each encoded once.
    """

    def __init__(self, channel: Channel, grid: Grid) -> None:
        super().__init__(channel, grid)
        self.groups: set[Group] = set()
        self.holds = 0
        self.revision = 0
        """Grows with every change of what a newcomer is told."""
        self.health = LIVE
        self._snapshots: dict[int, Encoded] = {}
        self._remembered: dict[Hashable, list[bytes]] = {}
        self._older: dict[int, Bucket] = {}
        self._older_first: int | None = None
        self._older_until = 0

    @property
    def idle(self) -> bool:
        """Whether nobody listens or is about to."""
        return not self.groups and self.holds == 0

    def view(self, buckets: list[Bucket]) -> View:
        """Return the channel as it is now; `buckets` end with the series."""
        token = cursor.join([self.series.token()])
        return View(self.channel, self.grid, buckets, self.health, token, self.target)

    def newest(self, history: int) -> View:
        """Return the channel as it is now with its newest buckets, two at least."""
        return self.view(self.series.newest(max(history, 2)))

    def snapshot(self, history: int) -> Encoded:
        """Return the snapshot; made once for all who ask until something changes."""
        encoded = self._snapshots.get(history)
        if encoded is None:
            encoded = events.snapshot(self.newest(history), history)
            if len(self._snapshots) < _MAX_REMEMBERED:
                self._snapshots[history] = encoded
        return encoded

    def remember(self, key: Hashable, revision: int, blocks: list[bytes]) -> None:
        """Keep events for others who stand at the same place, unless they are out of date."""
        small = sum(map(len, blocks)) <= _MAX_REMEMBERED_BYTES
        if revision == self.revision and small and len(self._remembered) < _MAX_REMEMBERED:
            self._remembered[key] = blocks

    def recall(self, key: Hashable, revision: int) -> list[bytes] | None:
        """Return what was remembered under `key` if it is of this revision."""
        return self._remembered.get(key) if revision == self.revision else None

    # --- what is older than the series -------------------------------------------------------

    @property
    def first(self) -> int:
        """The number of the oldest bucket that can be had without asking the database."""
        return self.series.first if self._older_first is None else self._older_first

    def keep_older(self, first: int, rows: Mapping[int, Bucket]) -> None:
        """Keep what the database has from the number `first` on, by start, for a few ticks.

        Those who come back together need the same. New buckets leave it as true as it was; a
        correction may concern it, so it is forgotten then.
        """
        self._older, self._older_first = dict(rows), min(first, self.series.first)
        self._older_until = self.series.last + AWAY

    def _forget_older(self) -> None:
        self._older, self._older_first = {}, None

    def since(self, index: int, count: int | None = None) -> list[Bucket]:
        """Return `count` buckets from the number `index` on, or all; none may be before `first`."""
        end = self.series.last + 1 if count is None else index + count
        before = map(self.grid.start, range(index, min(end, self.series.first)))
        older = [self._older.get(start) or Bucket.gap(start) for start in before]
        return older + self.series.since(index)[: max(0, end - max(index, self.series.first))]

    # --- what becomes new --------------------------------------------------------------------

    def _on_load(self, *, again: bool) -> None:
        self._forget_older()
        self._forget()
        self._judge()
        if again:
            self._publish(events.reset(self.channel, MISSED_TOO_MUCH))
            self._publish(events.fields("snapshot", self.snapshot(len(self.series)).body))

    def _on_change(self, change: Change, bucket: Bucket) -> None:
        index = self.grid.index(bucket.start)
        previous = None if change is not Change.VALUE else self.series.at(index - 1)
        block = events.change(self.channel, self.grid, change, bucket, previous, self.target)
        self._publish(block)
        if change is Change.CORRECTION or self.series.last > self._older_until:
            self._forget_older()

    def _on_observed(self) -> None:
        self._forget()
        self._judge()

    def _on_target(self) -> None:
        self._forget()

    def _on_trouble(self, before: Trouble | None) -> None:
        if self.loaded:
            self._judge()

    def _judge(self) -> None:
        """Work out the health anew, and publish it where it changed."""
        before = self.health
        health = judge(self.series.buckets, self._trouble)
        if health == LIVE and before.state != LIVE.state:
            health = Health(LIVE.state, None, self.series.end)
        elif health == LIVE:
            health = before
        if health != before:
            self.health = health
            self._forget()
            if (health.state, health.reason) != (before.state, before.reason):
                self._publish(events.status(self.channel, health))

    def _publish(self, block: bytes) -> None:
        for group in self.groups:
            group.append(block)

    def _forget(self) -> None:
        self.revision += 1
        self._snapshots.clear()
        self._remembered.clear()
