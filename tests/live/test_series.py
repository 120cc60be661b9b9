"""A series holds what was published, says what is new, and makes its listeners' cursor."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.grid import Grid
from app.live import cursor
from app.live.series import Change, Extent, Series, digest_of
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
    return Series(CHANNEL, GRID, rows, END, Extent(depth, width))


def test_it_is_filled_with_gaps_where_the_database_has_no_row() -> None:
    held = [b.value for b in series(1.0, None, 3.0, depth=5).buckets]
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


def test_a_bucket_older_than_the_series_is_passed_over() -> None:
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
    st.lists(st.tuples(st.integers(0, 12), values), max_size=30),
)
def test_the_cursor_depends_on_the_data_alone(
    start: list[float | None], steps: list[tuple[int, float | None]]
) -> None:
    """Another process that loads the same from the database makes the same cursor."""
    grown = series(*start)
    for back, value in steps:
        grown.observe(bucket(grown.end - 60 * back, value))
    loaded = Series(CHANNEL, GRID, grown.buckets, grown.end, Extent(10, 4))
    assert loaded.token() == grown.token()
    assert loaded.window_digest() == grown.window_digest()
    (position,) = cursor.decode([cursor.join([grown.token()])]).values()
    assert position == (grown.last, 4, digest_of(grown.newest(4)))


@pytest.mark.parametrize(
    ("period", "window", "extent"),
    [
        (Period.MINUTE, timedelta(hours=2), Extent(131, 121)),
        (Period.MINUTE, timedelta(0), Extent(130, 1)),
        (Period.HOUR, timedelta(hours=2), Extent(130, 3)),
        (Period.HOUR, timedelta(days=7), Extent(179, 169)),
        (Period.DAY, timedelta(hours=25), Extent(130, 3)),
    ],
)
def test_a_series_covers_the_correction_window_and_a_screenful(
    period: Period, window: timedelta, extent: Extent
) -> None:
    assert Extent.of(period, window) == extent
