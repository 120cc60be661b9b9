"""A cursor comes back as it was made, composes, and is refused when it is not ours."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import CursorError
from app.grid import Grid
from app.live import cursor
from app.live.cursor import TOKEN_LENGTH, Position
from app.models import Channel, Period
from tests.zones import zone

keys = st.binary(min_size=5, max_size=5)
positions = st.builds(
    Position,
    last=st.integers(0, 2**32 - 1),
    width=st.integers(0, 2**16 - 1),
    digest=st.integers(0, 2**64 - 1),
)


def encode(standing: dict[bytes, Position]) -> str:
    return cursor.join(cursor.encode_token(key, position) for key, position in standing.items())


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


@given(keys, positions, st.sampled_from("BEIZ-_"))
def test_another_spelling_of_a_cursor_is_refused(key: bytes, position: Position, end: str) -> None:
    """Its last character holds two bits; a decoder that is lenient takes the others for nothing."""
    with pytest.raises(CursorError):
        cursor.decode([encode({key: position})[:-1] + end])


@given(st.text(max_size=300))
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(CursorError):
        cursor.decode([text])


@given(st.binary(max_size=120).filter(lambda raw: len(raw) != 19))
def test_a_token_of_any_other_length_is_refused(raw: bytes) -> None:
    token = urlsafe_b64encode(raw).rstrip(b"=").decode()
    assert len(token) != TOKEN_LENGTH
    with pytest.raises(CursorError):
        cursor.decode([cursor.VERSION + token])


@given(st.lists(st.integers(0, 60), min_size=2, max_size=6).filter(lambda n: set(n) != {26}))
def test_tokens_of_unequal_length_are_refused_though_the_whole_has_the_right_one(
    lengths: list[int],
) -> None:
    with pytest.raises(CursorError):
        cursor.decode([cursor.VERSION + ".".join("A" * length for length in lengths)])


@given(keys, positions, st.data())
def test_a_character_that_no_token_has_is_refused(
    key: bytes, position: Position, data: st.DataObject
) -> None:
    text = encode({key: position})
    at = data.draw(st.integers(1, len(text) - 1))
    other = data.draw(st.sampled_from("=+/ .%\n\0é€"))
    with pytest.raises(CursorError):
        cursor.decode([text[:at] + other + text[at + 1 :]])


@pytest.mark.parametrize("cursors", [1, 257])
def test_more_tokens_than_a_stream_has_channels_are_refused(cursors: int) -> None:
    token = cursor.encode_token(bytes(5), Position(1, 2, 3))
    spread = [token] * 257
    texts = [cursor.join(spread)] if cursors == 1 else [cursor.join([one]) for one in spread]
    with pytest.raises(CursorError):
        cursor.decode(texts)


def test_days_of_another_time_zone_are_another_key() -> None:
    def key(period: Period, name: str) -> bytes:
        return cursor.key(Channel("a", period), Grid(period, zone(name)))

    assert key(Period.DAY, "Europe/Berlin") != key(Period.DAY, "Asia/Kolkata")
    assert key(Period.HOUR, "Europe/Berlin") == key(Period.HOUR, "Asia/Kolkata")


def test_a_cursor_of_256_channels_fits_a_header_of_8000_characters() -> None:
    token = cursor.encode_token(bytes(5), Position(2**32 - 1, 2**16 - 1, 2**64 - 1))
    whole = cursor.join([token] * 256)
    assert len(whole) < 8000
    assert len(cursor.decode([whole])) == 1
