"""The buckets of one channel as they were published, and whatever keeps them up to date."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from ..grid import Grid
from ..models import Bucket, Channel, Period, Target
from . import cursor
from .cursor import Position
from .health import Trouble

SCREENFUL = 120
"""Buckets that a series keeps at least; a snapshot of so many costs no query while it is live."""

AWAY = 10
"""Buckets that are kept beyond: who was away for fewer is caught up without asking the database."""

_DIGESTS = 2**64


class Extent(NamedTuple):
    """How many buckets a series keeps, and how many of them are its correction window."""

    depth: int
    width: int

    @classmethod
    def of(cls, period: Period, correction_window: timedelta) -> Extent:
        """Return the extent of the series of a period: the window, and a screenful at least."""
        width = -(-int(correction_window.total_seconds()) // period.seconds) + 1
        return cls(max(SCREENFUL, width) + AWAY, width)


class Change(StrEnum):
    """What an observed bucket is to those who have the series so far; the name of its event."""

    VALUE = "value"
    GAP = "gap"
    CORRECTION = "correction"


class Series:
    """The newest complete buckets of a channel: at least a screenful, and the correction window.

    It holds the last `extent.depth` buckets before `complete_until`, one for each number of the
    grid; where the database has no row there is a gap. The last `extent.width` of them are the
    correction window, which is compared with the database again and again.
    """

    __slots__ = ("_buckets", "_key", "_token", "_window_digest", "channel", "grid", "last", "width")

    def __init__(
        self,
        channel: Channel,
        grid: Grid,
        rows: Iterable[Bucket],
        complete_until: int,
        extent: Extent,
    ) -> None:
        self.channel = channel
        self.grid = grid
        self.width = extent.width
        self.last = grid.index(complete_until) - 1
        self._key = cursor.key(channel, grid)
        self._token: str | None = None
        held = range(self.last - extent.depth + 1, self.last + 1)
        filled = self._filled({row.start: row for row in rows}, held)
        self._buckets = deque(filled, maxlen=extent.depth)
        self._window_digest = sum(bucket.digest for bucket in self.newest(self.width))

    @property
    def first(self) -> int:
        """The number of the oldest bucket."""
        return self.last - len(self._buckets) + 1

    @property
    def end(self) -> int:
        """When the newest bucket ends, in seconds: all before this instant is in the series."""
        return self.grid.start(self.last + 1)

    @property
    def window_start(self) -> int:
        """When the correction window begins, in seconds."""
        return self.grid.start(self.last - self.width + 1)

    @property
    def buckets(self) -> Sequence[Bucket]:
        """All buckets that are held, oldest first."""
        return self._buckets

    def at(self, index: int) -> Bucket:
        """Return the bucket with the number `index`, which the series must hold."""
        return self._buckets[index - self.first]

    def since(self, index: int) -> list[Bucket]:
        """Return the buckets from the number `index` on that are held, oldest first."""
        return list(islice(self._buckets, max(0, index - self.first), None))

    def newest(self, count: int) -> list[Bucket]:
        """Return the newest `count` buckets, or all there are, oldest first."""
        return self.since(self.last - count + 1)

    def __len__(self) -> int:
        return len(self._buckets)

    def window_digest(self) -> int:
        """Return the sum of the digests in the correction window, as the database sums them up."""
        return self._window_digest

    def completed(self, rows: Mapping[int, Bucket], complete_until: int) -> list[Bucket]:
        """Return the buckets from the end of the series to `complete_until`, gaps filled in."""
        return self._filled(rows, range(self.last + 1, self.grid.index(complete_until)))

    def compared(self, found: Iterable[Bucket]) -> list[Bucket]:
        """Return the correction window as the database has it, gaps filled in."""
        rows = {bucket.start: bucket for bucket in found}
        return self._filled(rows, range(self.last - self.width + 1, self.last + 1))

    def _filled(self, rows: Mapping[int, Bucket], indices: Iterable[int]) -> list[Bucket]:
        return [rows.get(s) or Bucket.gap(s) for s in map(self.grid.start, indices)]

    def observe(self, bucket: Bucket) -> Change | None:
        """Take in what the database says of a bucket; return what is new about it, if anything.

        Observing the same twice changes nothing. A bucket older than the series is passed over.
        Raises LookupError where buckets between the series and this one are missing.
        """
        index = self.grid.index(bucket.start)
        if index > self.last + 1:
            raise LookupError(f"{self.channel}: buckets are missing before {bucket.start}")
        if index == self.last + 1:
            return self._append(bucket)
        if index < self.first:
            return None
        old = self.at(index)
        if old.digest == bucket.digest:
            return None
        self._buckets[index - self.first] = bucket
        if index > self.last - self.width:
            self._window_digest += bucket.digest - old.digest
        self._token = None
        return Change.CORRECTION

    def _append(self, bucket: Bucket) -> Change:
        leaving = self.at(self.last - self.width + 1)
        self._buckets.append(bucket)
        self.last += 1
        self._window_digest += bucket.digest - leaving.digest
        self._token = None
        return Change.GAP if bucket.value is None else Change.VALUE

    def token(self) -> str:
        """Return the channel's part of the cursor of a listener that has all of the series."""
        if self._token is None:
            digest = self._window_digest % _DIGESTS
            self._token = cursor.encode_token(self._key, Position(self.last, self.width, digest))
        return self._token


def digest_of(buckets: Iterable[Bucket]) -> int:
    """Return the digest of a window: the sum of its buckets' digests, modulo 2**64.

    Each is a hash over start and numbers, so a row that moves changes it; a sum can be made in any
    order, as a database does. Two windows of other contents have the same with p = 2**-64.
    """
    return sum(bucket.digest for bucket in buckets) % _DIGESTS


class WatchedChannel(ABC):
    """A channel that a poller keeps in step with the database; subclasses say who is told."""

    def __init__(self, channel: Channel, grid: Grid) -> None:
        self.channel = channel
        self.grid = grid
        self._series: Series | None = None
        self._trouble: Trouble | None = None
        self.target: Target | None = None

    @property
    def loaded(self) -> bool:
        """Whether the series has been read from the database."""
        return self._series is not None

    @property
    def series(self) -> Series:
        """The buckets published so far; raises LookupError until loaded."""
        if self._series is None:
            raise LookupError(f"{self.channel} is not loaded")
        return self._series

    def load(self, series: Series) -> None:
        """Start from what the database has now; start again where too much has been missed."""
        again, self._series = self.loaded, series
        self._on_load(again=again)

    def observe(self, buckets: Iterable[Bucket]) -> None:
        """Publish what is new or changed among `buckets`, which are oldest first."""
        series, changed = self.series, False
        for bucket in buckets:
            change = series.observe(bucket)
            if change is not None:
                changed = True
                self._on_change(change, bucket)
        if changed:
            self._on_observed()

    def set_trouble(self, trouble: Trouble | None) -> None:
        """Take note that the data cannot be relied on, or (None) that it can."""
        if trouble != self._trouble:
            before, self._trouble = self._trouble, trouble
            self._on_trouble(before)

    def set_target(self, target: Target | None) -> None:
        """Take note of what the values are held against from now on."""
        if target != self.target:
            self.target = target
            self._on_target()

    def _on_target(self) -> None:  # noqa: B027 - not everybody judges
        """Act on another target."""

    @abstractmethod
    def _on_load(self, *, again: bool) -> None:
        """Act on a new series; `again` if there was one before."""

    @abstractmethod
    def _on_change(self, change: Change, bucket: Bucket) -> None:
        """Act on one bucket that is new or changed; the series has it already."""

    @abstractmethod
    def _on_observed(self) -> None:
        """Act on the end of a run of buckets of which at least one was new or changed."""

    @abstractmethod
    def _on_trouble(self, before: Trouble | None) -> None:
        """Act on a trouble that began, changed or ended."""
