"""What may be caught up on, and what is told anew instead."""

import pytest

from app.errors import CursorError
from app.live.cursor import Position
from app.live.resume import MAX_BUCKETS, cost


def position(last: int, width: int = 121) -> Position:
    return Position(last, width, (0,) * 16)


def test_the_price_is_what_was_missed_and_the_window_before() -> None:
    assert cost(position(last=1000), last=1030) == 151


@pytest.mark.parametrize(
    ("standing", "last", "reason"),
    [
        (position(last=1001), 1000, "future"),
        (position(last=1000), 1000 + MAX_BUCKETS, "too old"),
        (position(last=1000, width=65_535), 1000, "too old"),
    ],
)
def test_what_cannot_be_caught_up_on_is_refused(standing: Position, last: int, reason: str) -> None:
    with pytest.raises(CursorError, match=reason):
        cost(standing, last)
