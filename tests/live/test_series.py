"""A series holds what was published, says what is new, and where its listeners stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.grid import Grid
from app.live import cursor
from app.live.resume import missed
from app.live.series import Change, Series
from app.models import Bucket, Channel, Period
from tests.zones import zone

CHANNEL = Channel("a", Period.MINUTE)
GRID = Grid(Period.MINUTE, zone())
END = 1_782_000_000  # a full minute


def bucket(start: int, value: float | None) -> Bucket:
    if value is None:
        return Bucket.gap(start)
    return Bucket(start, value, 1, value, value, hash((start, value)) or 1)


def series(*values: float | None, depth: int = 10, width: int = 4) -> Series:
    starts = [END - 60 * (len(values) - i) for i in range(len(values))]
    rows = [bucket(s, v) for s, v in zip(starts, values, strict=True) if v is not None]
    return Series(CHANNEL, GRID, rows, END, depth=depth, width=width)


def test_it_is_filled_with_gaps_where_the_database_has_no_row() -> None:
    held = [b.value for b in series(1.0, None, 3.0, depth=5)]
    assert held == [None, None, 1.0, None, 3.0]


def test_a_new_bucket_is_a_value_or_a_gap() -> None:
    s = series(1.0)
    assert s.observe(bucket(END, 2.0)) is Change.VALUE
    assert s.observe(Bucket.gap(END + 60)) is Change.GAP
    assert [b.value for b in s.newest(3)] == [1.0, 2.0, None]


def test_the_same_again_is_nothing_and_other_numbers_are_a_correction() -> None:
    s = series(1.0, 2.0)
    assert s.observe(bucket(END - 60, 2.0)) is None
    assert s.observe(bucket(END - 60, 5.0)) is Change.CORRECTION
    assert s.observe(Bucket.gap(END - 120)) is Change.CORRECTION
    assert [b.value for b in s.newest(2)] == [None, 5.0]


def test_what_is_older_than_the_series_is_passed_over() -> None:
    assert series(1.0, depth=5).observe(bucket(END - 60 * 6, 1.0)) is None


def test_a_hole_is_an_error() -> None:
    with pytest.raises(LookupError):
        series(1.0).observe(bucket(END + 60, 1.0))


def test_completed_fills_up_to_the_newest_complete_bucket() -> None:
    rows = {END + 60: bucket(END + 60, 7.0)}
    assert [b.value for b in series(1.0).completed(rows, END + 180)] == [None, 7.0, None]


values = st.one_of(st.none(), st.integers(0, 5).map(float))


@given(
    st.lists(values, min_size=10, max_size=10),
    st.lists(st.tuples(st.integers(0, 9), values), max_size=20),
    st.data(),
)
def test_a_listener_that_resumes_has_what_one_that_stayed_has(
    start: list[float | None], steps: list[tuple[int, float | None]], data: st.DataObject
) -> None:
    """The law of resuming, with any mix of new buckets and corrections while away."""
    s = series(*start)
    (position,) = cursor.decode([cursor.join([s.token(16)])]).values()
    view = {b.start: b for b in s.newest(s.width)}
    for back, value in steps:
        if back == 0:
            s.observe(bucket(s.end, value))
        else:
            s.observe(bucket(s.end - 60 * min(back, s.width), value))
    first = position.last - position.width + 1
    today = [s.at(i) if i >= s.first else None for i in range(first, s.last + 1)]
    if None in today:
        return  # grown out of memory: the hub reads those from the database
    events = missed(position, GRID, [b for b in today if b is not None])
    for change, b in events:
        assert change is Change.CORRECTION or b.start not in view, "sent twice"
        assert view.get(b.start) != b, "a correction that corrects nothing"
        view[b.start] = b
    assert view == {b.start: b for b in today if b is not None}


@given(st.lists(values, min_size=1, max_size=30))
def test_the_token_depends_on_the_data_alone(new: list[float | None]) -> None:
    """Another process that loads the same from the database makes the same cursor."""
    grown = series(1.0, 2.0, 3.0, depth=10, width=4)
    for value in new:
        grown.observe(bucket(grown.end, value))
    loaded = Series(CHANNEL, GRID, list(grown), grown.end, depth=10, width=4)
    assert loaded.token(16) == grown.token(16)
    assert loaded.window_digest() == grown.window_digest()
