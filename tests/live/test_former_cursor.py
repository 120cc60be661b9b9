"""A cursor that a gateway of the first release has made goes on at one of this release."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import CursorError
from app.grid import Grid
from app.live import cursor, events
from app.live.broadcaster import Broadcaster
from app.live.catch_up import first_blocks
from app.live.resume import Resume
from app.live.series import Extent, Series
from app.models import Bucket, Channel, Period
from tests.sse_reader import read
from tests.world import at
from tests.zones import zone

NOON = at("2026-05-04T12:00:00+00:00")
BERLIN = zone("Europe/Berlin")
CURSORS = {
    Period.MINUTE: (
        "1u0PcSNQBxCRvAHkAAABOCcMZ00PoWjdoermrYq-cQWA-fGUoPhvXVwJ0_yXz8AIGk2kTGlR1pwZjgSd"
        "MQQ0aWQGxsBCzMqFVUJVaRFd9"
    ),
    Period.HOUR: (
        "1-dow7joAB4kjAAMAAABOAkvIqltli9gpphgBPJdE1x5qCZUqtNbBfPApBzoCtfJbXsxiUAnEeQrOU9Q"
        "v3ozYfreq_EqIskI36BRaRgq-"
    ),
    Period.DAY: (
        "13YmbIzsAC0mbAAIAAABOA3BtOlW1-cEEuM_IfL5AsA8-WqVnskcGLHzblXmhXIYh4fTxeQYD0SfAlKd"
        "fLiGFOTydOTIAfqJbY0bhOrTi"
    ),
}
"""Recorded: of the KPI `sales` at noon, with all that was complete then."""

MISSED = 5


@pytest.mark.parametrize("period", CURSORS)
def test_its_client_gets_what_it_missed_and_its_window_anew_without_a_reset(
    period: Period,
) -> None:
    grid = Grid(period, BERLIN)
    then = grid.start(grid.index(NOON))
    end = grid.shift(then, MISSED)
    extent = Extent(20, 3)
    rows = [Bucket(grid.shift(end, -n), float(n), 1, float(n), float(n), n) for n in range(1, 20)]
    made = Broadcaster(Channel("sales", period), grid)
    made.load(Series(made.channel, grid, rows, end, extent))
    resume = Resume.read([CURSORS[period]], [made])
    assert not resume.refused
    assert not resume.older([made])
    [told] = read(events.burst(asyncio.run(first_blocks(resume.catch_ups([made], 60)))))
    assert told.event == "snapshot"
    starts = [at(bucket["bucket"]) for bucket in told.json()["history"]]
    assert starts == [grid.shift(end, -n) for n in range(MISSED + extent.width, 0, -1)]


def test_cursors_of_both_releases_compose() -> None:
    former = "1" + ".".join(text[1:] for text in CURSORS.values())
    ours = cursor.join([cursor.encode_token(b"12345", cursor.Position(7, 3, 9))])
    assert len(cursor.decode([former])) == 3
    assert cursor.decode([former, ours]) == {
        **cursor.decode([former]),
        b"12345": cursor.Position(7, 3, 9),
    }


@given(st.integers(1, 110), st.characters())
def test_a_damaged_one_is_refused(place: int, character: str) -> None:
    whole = CURSORS[Period.MINUTE]
    damaged = whole[:place] + character + whole[place + 1 :]
    if damaged != whole:
        with pytest.raises(CursorError):
            cursor.decode([damaged])


@pytest.mark.parametrize("many", [257, 400])
def test_one_of_too_many_channels_is_refused(many: int) -> None:
    with pytest.raises(CursorError):
        cursor.decode(["1" + ".".join([CURSORS[Period.HOUR][1:]] * many)])
