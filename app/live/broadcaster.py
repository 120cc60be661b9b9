"""One channel in this process: what was published on it, and to whom the next goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..grid import Grid
from ..models import Bucket, Channel
from . import cursor, events
from .cursor import Position
from .events import Encoded, Health
from .fanout import Group
from .resume import first_needed, missed
from .series import Change, Series

_MAX_REMEMBERED = 64


class Missed(NamedTuple):
    """The events a listener has missed, and whether they correct what it has."""

    blocks: list[bytes]
    corrected: bool


class Broadcaster:
    """A channel while somebody listens: one database result for all of them.

    It is watched by the poller of its period from the first listener to the last, and turns what
    the poller saw into events, each encoded once.
    """

    def __init__(self, channel: Channel, grid: Grid) -> None:
        self.channel = channel
        self.grid = grid
        self.groups: set[Group] = set()
        self.holds = 0
        self._series: Series | None = None
        self._trouble: tuple[str, float | None] | None = None
        self._health = Health("live", None, None)
        self._snapshots: dict[int, Encoded] = {}
        self._missed: dict[Position, Missed] = {}

    @property
    def loaded(self) -> bool:
        """Whether the series has been read from the database."""
        return self._series is not None

    @property
    def idle(self) -> bool:
        """Whether nobody listens or is about to."""
        return not self.groups and self.holds == 0

    @property
    def series(self) -> Series:
        """The buckets published so far; only once loaded."""
        if self._series is None:
            raise LookupError(f"{self.channel} is not loaded")
        return self._series

    def load(self, series: Series) -> None:
        """Start from what the database has now."""
        self._series = series
        self._judge()

    def observe(self, buckets: Iterable[Bucket]) -> None:
        """Publish what is new or changed among `buckets`, which are oldest first."""
        changed = False
        for bucket in buckets:
            change = self.series.observe(bucket)
            if change is not None:
                changed = True
                self._publish(self._block(change, bucket))
        if changed:
            self._forget_encoded()
            self._judge()

    def trouble(self, reason: str | None, since: float | None) -> None:
        """Take note that the data of this channel cannot be read, or (None) that it can again."""
        trouble = None if reason is None else (reason, since)
        if trouble != self._trouble:
            self._trouble = trouble
            if self.loaded:
                self._judge()

    @property
    def health(self) -> Health:
        """Whether data flows."""
        return self._health

    def status_block(self) -> bytes:
        """Return the `status` event of now."""
        state = {"kpi": self.channel.code, "period": self.channel.period.value}
        return events.fields("status", events.dumps(state | self._health.json()))

    def snapshot(self, history: int) -> Encoded:
        """Return the snapshot; made once for all who ask until something changes."""
        body = self._snapshots.get(history)
        if body is None:
            body = self._encode_snapshot(history)
            if len(self._snapshots) < _MAX_REMEMBERED:
                self._snapshots[history] = body
        return body

    def missed(self, position: Position, older: dict[int, Bucket]) -> Missed:
        """Return what brings a listener from `position` to now; worked out once for all there.

        `older` has by start the buckets with rows from before the series. Raises CursorError.
        """
        found = self._missed.get(position)
        if found is None:
            events = missed(position, self.grid, self._since(position, older))
            blocks = [self._block(change, bucket, older) for change, bucket in events]
            corrected = any(change is Change.CORRECTION for change, _ in events)
            found = Missed(blocks, corrected)
            if len(self._missed) < _MAX_REMEMBERED:
                self._missed[position] = found
        return found

    def _since(self, position: Position, older: dict[int, Bucket]) -> list[Bucket]:
        series = self.series
        first = first_needed(position)
        before = (self.grid.start(index) for index in range(first, series.first))
        held = [series.at(index) for index in range(max(first, series.first), series.last + 1)]
        return [older.get(start) or Bucket.gap(start) for start in before] + held

    def _block(
        self, change: Change, bucket: Bucket, older: dict[int, Bucket] | None = None
    ) -> bytes:
        if change is Change.VALUE:
            previous = self._bucket_before(bucket, older or {})
            data = events.value_json(self.channel, self.grid, bucket, previous)
        else:
            data = events.bucket_json(self.channel, self.grid, bucket)
        return events.fields(change, events.dumps(data))

    def _bucket_before(self, bucket: Bucket, older: dict[int, Bucket]) -> Bucket:
        index = self.grid.index(bucket.start) - 1
        if index >= self.series.first:
            return self.series.at(index)
        start = self.grid.start(index)
        return older.get(start) or Bucket.gap(start)

    def _encode_snapshot(self, history: int) -> Encoded:
        return events.encode(
            events.snapshot_json(
                self.channel,
                self.grid,
                self.series.newest(max(history, 2)),
                history=history,
                health=self._health,
                cursor=cursor.join([self.series.token(cursor.words_for(1))]),
            )
        )

    def _judge(self) -> None:
        """Work out the health anew, and say so where it changed."""
        before = self._health
        silence = self.series.silence()
        if self._trouble is not None:
            reason, since = self._trouble
            self._health = Health("stale", reason, since)
        elif silence is not None:
            self._health = Health("stale", silence.reason, silence.since)
        elif before.state != "live":
            self._health = Health("live", None, self.series.end)
        if self._health != before:
            self._forget_encoded()
            if (self._health.state, self._health.reason) != (before.state, before.reason):
                self._publish(self.status_block())

    def _publish(self, block: bytes) -> None:
        for group in self.groups:
            group.append(block)

    def _forget_encoded(self) -> None:
        self._snapshots.clear()
        self._missed.clear()
