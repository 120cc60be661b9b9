"""Whoever comes back ends up with what those have who stayed, and gets nothing twice."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.grid import Grid
from app.live import cursor, events
from app.live.broadcaster import Broadcaster
from app.live.catch_up import CatchUp, Repair, first_blocks
from app.live.cursor import Position
from app.live.resume import MAX_MISSED, MAX_MISSED_IN_ALL, Resume
from app.live.series import Extent, Series
from app.models import Bucket, Channel, Period
from tests.sse_reader import Event, read
from tests.world import at
from tests.zones import zone

CHANNEL = Channel("a", Period.MINUTE)
GRID = Grid(Period.MINUTE, zone())
END = 1_782_000_000  # a full minute
EXTENT = Extent(10, 4)
HISTORY = 5

values = st.one_of(st.none(), st.integers(0, 5).map(float))


def bucket(start: int, value: float | None) -> Bucket:
    if value is None:
        return Bucket.gap(start)
    return Bucket(start, value, 1, value, value, hash((start, value)) or 1)


def broadcaster(*values: float | None, channel: Channel = CHANNEL) -> Broadcaster:
    """Return a channel whose newest buckets have these values."""
    made = Broadcaster(channel, GRID)
    rows = [bucket(END - 60 * back, v) for back, v in enumerate(reversed(values), start=1)]
    made.load(Series(channel, GRID, rows, END, EXTENT))
    return made


def position(made: Broadcaster) -> Position:
    (found,) = cursor.decode([cursor.join([made.series.token()])]).values()
    return found


def told(made: Broadcaster, resume: Resume, history: int = HISTORY) -> list[Event]:
    """Return the events that a newcomer gets first."""
    blocks = asyncio.run(first_blocks(resume.catch_ups([made], history)))
    return list(read(events.burst(blocks)))


def take(view: dict[int, float | None], told: list[Event]) -> None:
    """Do what a client does with events: merge snapshots, put the others in their place."""
    for event in told:
        if event.event == "snapshot":
            view.update((at(b["bucket"]), b["value"]) for b in event.json()["history"])
        elif event.event in ("value", "gap", "correction"):
            start = at(event.json()["bucket"])
            assert start not in view, "sent twice"
            view[start] = event.json()["value"]


@given(
    st.lists(values, min_size=10, max_size=10),
    st.lists(st.tuples(st.integers(0, 4), values), max_size=20),
)
def test_a_client_that_resumes_has_what_one_that_stayed_has(
    start: list[float | None], steps: list[tuple[int, float | None]]
) -> None:
    """The law of resuming, with any mix of new buckets and corrections while away."""
    made = broadcaster(*start)
    everything = {b.start: b for b in made.series.buckets}
    where = position(made)
    window = made.series.newest(4)
    view = {b.start: b.value for b in window}
    for back, value in steps:
        changed = bucket(made.series.end - 60 * back, value)
        everything[changed.start] = changed
        made.observe([changed])
    resume = Resume({CHANNEL: where})
    for lacking, first in resume.older([made]).items():
        lacking.keep_older(first, everything)
    assert resume.older([made]) == {}
    corrected = any(everything[b.start] != b for b in window)
    first_events = told(made, resume)
    assert [e.event for e in first_events].count("snapshot") == corrected
    take(view, first_events)
    first = window[0].start
    assert view == {s: b.value for s, b in everything.items() if s >= first}


def test_a_repair_covers_gaps_that_were_values_before() -> None:
    made = broadcaster(1.0, 2.0, 3.0, 4.0)
    where = position(made)
    made.observe([Bucket.gap(END - 240)])
    (repair,) = told(made, Resume({CHANNEL: where}))
    assert [b["value"] for b in repair.json()["history"]] == [None, 2.0, 3.0, 4.0]


def test_a_position_of_another_correction_window_is_repaired() -> None:
    made = broadcaster(1.0, 2.0, 3.0, 4.0)
    where = position(made)._replace(width=9)
    assert [e.event for e in told(made, Resume({CHANNEL: where}))] == ["snapshot"]


def test_what_is_encoded_later_is_of_the_moment_it_was_held() -> None:
    """What becomes new meanwhile is in the newcomer's queue, so it must not be told here too."""
    made = broadcaster(1.0, 2.0, 3.0, 4.0)
    where = position(made)
    made.observe([bucket(END, 5.0)])
    for resume in (Resume(), Resume({CHANNEL: where}), Resume({CHANNEL: where._replace(digest=1)})):
        held = resume.catch_ups([made], HISTORY)
        end = made.series.end
        made.observe([bucket(end, 6.0)])
        blocks = asyncio.run(first_blocks(held))
        view: dict[int, float | None] = {}
        take(view, list(read(events.burst(blocks))))
        assert max(view) == end - 60
        # And what was told too late for the others is not remembered for them.
        again: dict[int, float | None] = {}
        take(again, told(made, resume))
        assert max(again) == end


def test_events_are_encoded_once_for_all_who_come_from_the_same_place() -> None:
    made = broadcaster(1.0, 2.0, 3.0, 4.0)
    where = position(made)
    made.observe([bucket(END, 5.0)])
    for resume in (Resume(), Resume({CHANNEL: where}), Resume({CHANNEL: where._replace(digest=1)})):
        one, two = (asyncio.run(first_blocks(resume.catch_ups([made], HISTORY))) for _ in range(2))
        assert all(a is b for a, b in zip(one, two, strict=True))


def test_what_was_missed_is_not_taken_for_a_repair_from_the_same_bucket() -> None:
    made = broadcaster(1.0, 2.0, 3.0, 4.0)
    where = position(made)
    asyncio.run(first_blocks([CatchUp(made, Repair(where.last))]))
    assert [e.event for e in told(made, Resume({CHANNEL: where}))] == ["status"]


def limited(*positions: Position) -> dict[Channel, str]:
    """Return what is refused of positions on as many channels that end at the same bucket."""
    channels = [Channel(f"a{number}", Period.MINUTE) for number in range(len(positions))]
    resume = Resume(dict(zip(channels, positions, strict=True)))
    resume.limit([broadcaster(channel=channel) for channel in channels], END + 30)
    return resume.refused


LAST = END // 60 - 1


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (LAST, None),
        (LAST - MAX_MISSED, None),
        (LAST - MAX_MISSED - 1, "the cursor is too old"),
        (LAST + 1, "the cursor is from the future"),
        (2**32 - 1, "the cursor is from the future"),
    ],
)
def test_what_cannot_be_caught_up_on_is_refused(last: int, reason: str | None) -> None:
    refused = limited(Position(last, 4, 0))
    assert list(refused.values()) == ([] if reason is None else [reason])


def test_all_channels_of_a_stream_share_one_limit() -> None:
    fit, rest = divmod(MAX_MISSED_IN_ALL, MAX_MISSED)
    positions = [Position(LAST - MAX_MISSED, 4, 0)] * (fit + 1) + [Position(LAST - rest, 4, 0)]
    refused = limited(*positions)
    assert list(refused.values()) == ["the stream has too much to catch up on"]


def test_a_cursor_of_other_channels_starts_this_one_anew() -> None:
    made = broadcaster(1.0)
    other = broadcaster(1.0, channel=Channel("b", Period.MINUTE))
    resume = Resume.read([cursor.join([other.series.token()])], [made])
    reset, snapshot = told(made, resume)
    assert (reset.event, snapshot.event) == ("reset", "snapshot")
    assert reset.json()["reason"] == "the cursor does not speak of this channel"
