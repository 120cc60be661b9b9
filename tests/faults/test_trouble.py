"""A database that answers late, never, or with another time than expected."""

from __future__ import annotations

import asyncio
import signal
import time

import httpx
import pytest

from tests.faults.conftest import Record
from tests.faults.report import Outcome
from tests.faults.world import UNHEARD, World
from tests.soaking import sized

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.soak]

REQUESTS = sized(40, soak=400)
BOUND_SECONDS = 12.0
"""For an answer of any kind, where the wait for a connection and for a read are at their ends."""

WEEK = 7 * 86_400


@pytest.mark.slow
@pytest.mark.alone
async def test_a_table_that_is_locked_holds_up_nothing_else(world: World, record: Record) -> None:
    """Each read of minutes hangs, and every connection of the pool with it."""
    streams = world.connections
    start = await world.shortly_before_a_minute_ends()
    async with (
        world.database() as database,
        httpx.AsyncClient(base_url=world.url, timeout=30) as client,
    ):
        async with database.transaction() as connection:
            await connection.execute("LOCK TABLE kpi_rollup_minute IN ACCESS EXCLUSIVE MODE")
            asked = [
                asyncio.create_task(timed(client, f"/kpi/unheard{UNHEARD - 1 - n % 100}"))
                for n in range(REQUESTS)
            ]
            await world.all_say("stale")
            assert (await client.get("/livez")).status_code == 200
            for status, seconds in await asyncio.gather(*asked):
                assert status == 503
                assert seconds < BOUND_SECONDS
        back = time.monotonic()
        await world.all_have(start)
        recovered = time.monotonic() - back
        status, _ = await timed(client, "/kpi/sales")
        assert status == 200
    compared = await world.same_as_truth()
    await world.all_say("live")
    assert world.connections == streams
    record(Outcome("locked table", 1, len(world.listeners), compared, 0, 0, recovered))


async def timed(client: httpx.AsyncClient, path: str) -> tuple[int, float]:
    """Ask, and return the status and how long it took."""
    began = time.monotonic()
    answer = await client.get(path)
    if answer.status_code == 503:
        assert int(answer.headers["Retry-After"]) > 0
    return answer.status_code, time.monotonic() - began


async def test_a_slow_database_is_late_and_loses_nothing(world: World, record: Record) -> None:
    streams = world.connections
    start = await world.shortly_before_a_minute_ends(seconds=2.0)
    world.link.delay_seconds = 0.3
    began = time.monotonic()
    try:
        await world.write(("sales", start - 120, 5.0))
        await world.all_have(start)
        compared = await world.same_as_truth()
    finally:
        world.link.delay_seconds = 0.0
    assert world.connections == streams
    seconds = time.monotonic() - began
    record(Outcome("slow database", 1, len(world.listeners), compared, 0, 0, seconds))


async def test_a_week_asleep_is_made_up_for_without_a_burst(world: World, record: Record) -> None:
    """As a laptop does over a holiday: more was missed than is kept, and nobody is cut off."""
    streams = world.connections
    before = int(await world.now())
    world.gateway.freeze()
    await world.set_clock(before + WEEK)
    await world.write(
        *(("sales", before + WEEK - 60 * minute, minute / 3) for minute in range(2, 200))
    )
    await world.write(("costs", before + WEEK - 100, 3.0))
    events = [len(listener.events) for listener in world.listeners]
    began = time.monotonic()
    world.gateway.send(signal.SIGCONT)
    start = await world.shortly_before_a_minute_ends(seconds=0.3)
    await world.all_have(start)
    seconds = time.monotonic() - began
    world.started_afresh()
    compared = await world.same_as_truth()
    assert world.connections == streams
    for listener, seen in zip(world.listeners, events, strict=True):
        # Snapshots, and not ten thousand minutes one by one.
        assert len(listener.events) - seen < 300
    record(Outcome("a week asleep", 1, len(world.listeners), compared, 0, 0, seconds))


@pytest.mark.parametrize("seconds", [3600, -1800, 7 * 3600])
async def test_a_clock_that_is_set_repeats_and_skips_nothing(
    world: World, seconds: int, record: Record
) -> None:
    """The database's: it is the only clock that says what is complete."""
    streams = world.connections
    latest = max(max(view) for view in world.listeners[0].views.values())
    began = time.monotonic()
    after = await world.now() + seconds
    if seconds > 0:
        await world.write(("sales", after - 600, 1.0), ("costs", after - 600, 1.0))
    await world.set_clock(after)
    await world.nudge(world.gateway.port)
    if seconds < 0:
        # Nothing is new until it is as late as it was, and nothing is taken back.
        await world.set_clock(latest + 119)
        await world.nudge(world.gateway.port)
        start = latest + 60
    else:
        start = await world.shortly_before_a_minute_ends(seconds=0.3)
    await world.all_have(start)
    took = time.monotonic() - began
    if seconds > 7000:
        world.started_afresh()
    compared = await world.same_as_truth()
    assert world.connections == streams
    record(Outcome(f"clock {seconds:+} s", 1, len(world.listeners), compared, 0, 0, took))
