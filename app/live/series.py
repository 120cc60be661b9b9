"""The buckets of one channel as they were published, without a hole."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from enum import StrEnum

from ..grid import Grid
from ..models import Bucket, Channel
from . import cursor
from .health import Silence, silence
from .sketch import Sketch


class Change(StrEnum):
    """What an observed bucket is to those who have the series so far; the name of its event."""

    VALUE = "value"
    GAP = "gap"
    CORRECTION = "correction"


class Series:
    """The newest complete buckets of a channel: at least a screenful, and the correction window.

    It holds the last buckets before `complete_until`, one for each number of the grid; where the
    database has no row there is a gap. The last `width` of them are the correction window, which
    is compared with the database again and again and is sketched in the cursor.
    """

    __slots__ = (
        "_buckets",
        "_key",
        "_sketch",
        "_tokens",
        "_window_digest",
        "channel",
        "grid",
        "last",
        "width",
    )

    def __init__(
        self,
        channel: Channel,
        grid: Grid,
        rows: Iterable[Bucket],
        complete_until: int,
        *,
        depth: int,
        width: int,
    ) -> None:
        self.channel = channel
        self.grid = grid
        self.width = width
        self.last = grid.index(complete_until) - 1
        self._key = cursor.key(channel, grid)
        self._sketch = Sketch(cursor.words_for(1))
        self._tokens: dict[int, str] = {}
        known = {row.start: row for row in rows}
        starts = (grid.start(index) for index in range(self.last - depth + 1, self.last + 1))
        self._buckets = deque(
            (known.get(start) or Bucket.gap(start) for start in starts), maxlen=depth
        )
        self._window_digest = 0
        for index in range(self.last - width + 1, self.last + 1):
            self._change(index, 0, self.at(index).digest)

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

    def at(self, index: int) -> Bucket:
        """Return the bucket with the number `index`, which the series must hold."""
        return self._buckets[index - self.first]

    def newest(self, count: int) -> list[Bucket]:
        """Return the newest `count` buckets, or all there are, oldest first."""
        skipped = max(0, len(self._buckets) - count)
        return [bucket for at, bucket in enumerate(self._buckets) if at >= skipped]

    def __len__(self) -> int:
        return len(self._buckets)

    def __iter__(self) -> Iterator[Bucket]:
        return iter(self._buckets)

    def silence(self) -> Silence | None:
        """Return the unusual silence at the end of the series, if there is one."""
        return silence(self._buckets)

    def window_digest(self) -> int:
        """Return the sum of the digests in the correction window."""
        return self._window_digest

    def completed(self, rows: dict[int, Bucket], complete_until: int) -> list[Bucket]:
        """Return the buckets from the end of the series to `complete_until`, gaps filled in."""
        starts = range(self.last + 1, self.grid.index(complete_until))
        return [rows.get(start) or Bucket.gap(start) for start in map(self.grid.start, starts)]

    def compared(self, found: Iterable[Bucket]) -> list[Bucket]:
        """Return the correction window as the database has it, gaps filled in."""
        rows = {bucket.start: bucket for bucket in found}
        starts = map(self.grid.start, range(self.last - self.width + 1, self.last + 1))
        return [rows.get(start) or Bucket.gap(start) for start in starts]

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
            self._change(index, old.digest, bucket.digest)
        self._tokens.clear()
        return Change.CORRECTION

    def _append(self, bucket: Bucket) -> Change:
        leaving = self.last - self.width + 1
        self._change(leaving, self.at(leaving).digest, 0)
        self._buckets.append(bucket)
        self.last += 1
        self._change(self.last, 0, bucket.digest)
        self._tokens.clear()
        return Change.GAP if bucket.value is None else Change.VALUE

    def _change(self, index: int, old_digest: int, new_digest: int) -> None:
        self._sketch.change(index, old_digest, new_digest)
        self._window_digest += new_digest - old_digest

    def token(self, words: int) -> str:
        """Return the channel's part of a cursor, with so many words of its sketch."""
        token = self._tokens.get(words)
        if token is None:
            token = cursor.encode_token(self._key, self.last, self.width, self._sketch.words(words))
            self._tokens[words] = token
        return token
