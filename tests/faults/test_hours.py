"""A shift of nine hours: memory and latency stay flat, and at its end every view is exact."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Sequence
from statistics import mean, median

import psutil
import pytest
import pytest_asyncio

from tests.cluster.cluster import GRID
from tests.faults.conftest import Record
from tests.faults.report import Outcome
from tests.faults.world import GRACE_SECONDS, HISTORY_MINUTES, World, open_world
from tests.soaking import SOAKING, sized

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.soak]

LISTENERS = sized(20, soak=500)
SHIFTS = [("fast motion", 540), ("real time", 60)] if SOAKING else [("fast motion", 8)]
"""How fast time goes, and how many minutes of it."""

MAX_AGE_SECONDS = sized(2, soak=600)
"""Of a stream: each is ended in every shift, and goes on in another."""

WRITE_SECONDS = 1.0
MOST_GROWTH = 1.05
ENOUGH_TO_JUDGE = 40


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    environment = {"KPI_STREAM_MAX_AGE": f"{MAX_AGE_SECONDS}s"}
    async with open_world(environment, listeners=LISTENERS) as opened:
        yield opened


@pytest.mark.timeout(3 * 3600)
@pytest.mark.parametrize(("pace", "minutes"), SHIFTS)
async def test_memory_and_latency_are_flat_and_the_end_is_exact(
    world: World, pace: str, minutes: int, record: Record
) -> None:
    seed = int(os.environ.get("KPI_TEST_SEED", random.randrange(10**9)))
    chosen = random.Random(seed)
    print(f"seed {seed}")
    opened_otherwise = world.connections - await ended_as_planned(world)
    gateway = psutil.Process(world.gateway.pid)
    late: list[float] = []
    memory: list[float] = []
    for _ in range(minutes):
        late.append(await a_minute(world, chosen, is_real=pace == "real time"))
        memory.append(gateway.memory_info().rss / 1e6)
        for listener in world.listeners:
            listener.events.clear()
    print(f"MB: first {memory[0]:.1f}, quarters {quarters(memory)}, last {memory[-1]:.1f}")
    print(f"seconds to the last listener: quarters {quarters(late)}, worst {max(late):.3f}")
    wrongs = [wrong for listener in world.listeners for wrong in listener.wrongs]
    print(f"{world.connections} streams, {await ended_as_planned(world)} ended; wrong: {wrongs}")
    compared = await world.same_as_truth()
    async with asyncio.timeout(60):
        while world.connections != opened_otherwise + await ended_as_planned(world):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    if minutes >= ENOUGH_TO_JUDGE:
        # The first quarter is that in which caches fill.
        quarter = minutes // 4
        assert mean(memory[-quarter:]) < MOST_GROWTH * mean(memory[quarter : 2 * quarter])
    hours = f"{minutes / 60:g} h in {pace}"
    record(Outcome(hours, 1, len(world.listeners), compared, 0, 0, median(late)))


async def ended_as_planned(world: World) -> int:
    """Return how many streams the gateway has ended at their full age."""
    return int((await world.metrics())["streams_expired_total"])


async def a_minute(world: World, chosen: random.Random, *, is_real: bool) -> float:
    """Live through a minute's end; return how late the last listener had it."""
    if is_real:
        start = GRID.start(GRID.index(int(await world.now())))
        await world.write(("sales", start + 1, chosen.random()), ("costs", start + 1, 1.0))
    else:
        start = await world.shortly_before_a_minute_ends(seconds=0.3)
    # What is corrected is in every view, so that all views have the same buckets.
    corrected = start - 60 * chosen.randint(1, HISTORY_MINUTES - 2)
    await world.write(("sales", corrected, chosen.random()))
    left = start + 60 + GRACE_SECONDS - await world.now()
    due = time.monotonic() + left
    while is_real and time.monotonic() < due - 2 * WRITE_SECONDS:
        await world.write(("sales", await world.now(), chosen.random()))
        await asyncio.sleep(WRITE_SECONDS)
    await asyncio.sleep(due - time.monotonic())
    await world.all_have(start)
    return time.monotonic() - due


def quarters(values: Sequence[float]) -> str:
    """Return the median of each quarter."""
    size = max(len(values) // 4, 1)
    parts = [values[first : first + size] for first in range(0, len(values), size)][:4]
    return " ".join(f"{median(part):.3f}" for part in parts)
