"""No cursor, however made, keeps the event loop from others for long, or is an HTTP error."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.grid import Grid
from app.live import cursor
from app.live.cursor import TOKEN_LENGTH, VERSION, Position
from app.live.resume import MAX_MISSED, MAX_MISSED_IN_ALL
from app.models import Channel, Period
from tests.benchmarks.tick import metered
from tests.http.conftest import NOON, write
from tests.running import Gateway
from tests.stream_client import open_stream
from tests.zones import zone

CHANNELS = [Channel("sales", Period.MINUTE), Channel("sales", Period.HOUR)] + [
    Channel(f"kpi{number}", Period.MINUTE) for number in range(30)
]
NEWEST = NOON // 60 - 1
PIECE_SECONDS = 0.05

tokens = st.builds(
    lambda channel, last, width, digest: cursor.encode_token(
        cursor.key(channel, Grid(channel.period, zone())), Position(last, width, digest)
    ),
    st.sampled_from(CHANNELS),
    st.one_of(
        st.integers(0, 2**32 - 1),
        st.integers(NEWEST - 5000, NEWEST + 5),
        st.integers(NEWEST // 60 - 500, NEWEST // 60 + 5),
    ),
    st.one_of(st.integers(0, 2**16 - 1), st.sampled_from([3, 121])),
    st.integers(0, 2**64 - 1),
)
printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=3000)
hostile = st.one_of(
    st.lists(tokens, min_size=1, max_size=300).map(cursor.join),
    printable,
    printable.map(lambda text: VERSION + text),
    st.integers(1, 1200).map(lambda count: VERSION + ".".join(["A" * TOKEN_LENGTH] * count)),
    st.integers(1, 30_000).map(lambda count: VERSION + "A" * count),
    st.integers(1, 30_000).map(lambda count: VERSION + "." * count),
)


def far_behind(missed: int) -> str:
    """Return the dearest cursor: all channels as far behind as can be, with other numbers."""
    positions = [(c, NEWEST if c.period is Period.MINUTE else NEWEST // 60) for c in CHANNELS]
    return cursor.join(
        cursor.encode_token(
            cursor.key(channel, Grid(channel.period, zone())), Position(newest - missed, 121, 1)
        )
        for channel, newest in positions
    )


@pytest.fixture
async def busy_gateway(gateway: Gateway) -> Gateway:
    """It has 32 channels with data three days back."""
    for channel in CHANNELS[2:]:
        for hours in (0.1, 30, 70):
            await write(gateway, channel.code, NOON - 3600 * hours, 1.0)
    return gateway


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=hostile)
@example(text=far_behind(MAX_MISSED))
@example(text=far_behind(MAX_MISSED_IN_ALL // len(CHANNELS)))
async def test_a_hostile_cursor_costs_no_more_than_a_good_one(
    text: str, busy_gateway: Gateway
) -> None:
    target = "/stream?" + "&".join(f"channel={channel}" for channel in CHANNELS)
    with metered() as meter:
        if len(text) < 2000:
            target += f"&cursor={quote(text)}"
            stream_of = open_stream(busy_gateway.port, target)
        else:
            stream_of = open_stream(busy_gateway.port, target, {"Last-Event-ID": text})
        async with stream_of as stream:
            assert stream.status == 200
            first = await stream.event()
            assert first.event in ("reset", "snapshot", "value", "gap", "status")
    # The client runs in the same loop: what it takes is in here, too.
    assert meter.longest < PIECE_SECONDS
