"""What a client that comes back has missed, told from its position and the buckets of today."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import CursorError
from ..grid import Grid
from ..models import Bucket
from .cursor import Position
from .series import Change
from .sketch import Sketch, locate

MAX_BUCKETS = 10_080
"""The most that is read to catch up on one channel, a week of minutes; beyond, a snapshot says it
shorter."""

MAX_BUCKETS_IN_ALL = 100_000
"""The same for all channels of one stream: anybody can make a cursor up."""


def cost(position: Position, last: int) -> int:
    """Return how many buckets must be seen to catch up from a position to the bucket `last`.

    Raises CursorError for a position from the future or one too old to catch up from.
    """
    if position.last > last:
        raise CursorError("the cursor is from the future")
    buckets = last - position.last + position.width
    if buckets > MAX_BUCKETS:
        raise CursorError("the cursor is too old")
    return buckets


def first_needed(position: Position) -> int:
    """Return the number of the oldest bucket that `missed` needs to see."""
    return position.last - position.width + 1


def missed(
    position: Position, grid: Grid, buckets: Sequence[Bucket]
) -> list[tuple[Change, Bucket]]:
    """Return what brings a client from `position` to the end of `buckets`.

    First the corrections to what it has, then what became complete after, each oldest first.
    `buckets` run from `first_needed` on without a hole. Raises CursorError where more was
    corrected than the position can tell.
    """
    known, new = buckets[: position.width], buckets[position.width :]
    first = first_needed(position)
    now = Sketch(len(position.words))
    for offset, bucket in enumerate(known):
        if bucket.digest:
            now.change(first + offset, 0, bucket.digest)
    changed = locate(
        position.words, now.words(len(position.words)), range(first, position.last + 1)
    )
    if changed is None:
        raise CursorError("too many buckets were corrected since")
    corrections = [(Change.CORRECTION, known[index - first]) for index in changed]
    return corrections + [
        (Change.GAP if bucket.value is None else Change.VALUE, bucket) for bucket in new
    ]
