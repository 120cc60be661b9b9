"""A cursor comes back as it was made, composes, and is refused when it is not ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import CursorError
from app.grid import Grid
from app.live import cursor
from app.live.cursor import Position
from app.models import Channel, Period
from tests.zones import zone

keys = st.binary(min_size=5, max_size=5)
positions = st.builds(
    Position,
    last=st.integers(0, 2**32 - 1),
    width=st.integers(1, 2**16 - 1),
    words=st.sampled_from([2, 4, 8, 16]).flatmap(
        lambda n: st.lists(st.integers(0, 2**31 - 2), min_size=n, max_size=n).map(tuple)
    ),
)


def encode(standing: dict[bytes, Position]) -> str:
    return cursor.join(cursor.encode_token(key, *position) for key, position in standing.items())


@given(st.dictionaries(keys, positions, min_size=1, max_size=8))
def test_a_cursor_comes_back_as_it_was_made(standing: dict[bytes, Position]) -> None:
    assert cursor.decode([encode(standing)]) == standing


@given(st.dictionaries(keys, positions, min_size=1, max_size=8))
def test_the_cursors_of_single_channels_compose(standing: dict[bytes, Position]) -> None:
    singles = [encode({key: position}) for key, position in standing.items()]
    assert cursor.decode(singles) == standing


@given(keys, positions)
def test_of_two_positions_on_a_channel_the_further_one_counts(
    key: bytes, position: Position
) -> None:
    earlier = position._replace(last=position.last // 2)
    cursors = [encode({key: position}), encode({key: earlier})]
    assert cursor.decode(cursors)[key].last == position.last


@given(st.text(max_size=300))
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(CursorError):
        cursor.decode([text])


@given(keys, positions, st.data())
def test_one_changed_character_is_refused(
    key: bytes, position: Position, data: st.DataObject
) -> None:
    text = encode({key: position})
    at = data.draw(st.integers(1, len(text) - 2))  # the last one may hold unused bits
    other = data.draw(st.sampled_from("ABCDabcd0189-_").filter(lambda c: c != text[at]))
    with pytest.raises(CursorError):
        cursor.decode([text[:at] + other + text[at + 1 :]])


def test_days_of_another_time_zone_are_another_key() -> None:
    def key(period: Period, name: str) -> bytes:
        return cursor.key(Channel("a", period), Grid(period, zone(name)))

    assert key(Period.DAY, "Europe/Berlin") != key(Period.DAY, "Asia/Kolkata")
    assert key(Period.HOUR, "Europe/Berlin") == key(Period.HOUR, "Asia/Kolkata")


@pytest.mark.parametrize("channels", [1, 8, 9, 32, 33, 64, 65, 256])
def test_a_cursor_of_so_many_channels_fits_a_header_of_8_kilobytes(channels: int) -> None:
    words = (2**31 - 2,) * cursor.words_for(channels)
    tokens = [cursor.encode_token(bytes(5), 2**32 - 1, 121, words) for _ in range(channels)]
    assert len(cursor.join(tokens)) + len("Last-Event-ID: ") <= 8192
