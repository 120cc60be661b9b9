"""The database goes away in every way there is; listeners stay, are told, and lose nothing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from tests.faults.conftest import Record
from tests.faults.report import Outcome
from tests.faults.world import World
from tests.soaking import sized

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.soak]

TIMES = sized(1, soak=10)
AWAY_SECONDS = sized(0.0, soak=12.0)
MOST_SECONDS = sized(20.0, soak=2.5)
"""To have all that was missed, after the database is back. On a busy machine it may take longer."""

MOST_CONNECTIONS_A_SECOND = 20
"""That the gateway tries to open meanwhile: seven pollers and REST share a pool of four."""

Fault = Callable[[World], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def stopped(world: World) -> AsyncIterator[None]:
    await world.postgres.stop()
    yield
    await world.postgres.start()


@asynccontextmanager
async def killed(world: World) -> AsyncIterator[None]:
    await world.postgres.kill()
    yield
    await world.postgres.start()


@asynccontextmanager
async def frozen(world: World) -> AsyncIterator[None]:
    world.postgres.send(signal.SIGSTOP)
    yield
    world.postgres.send(signal.SIGCONT)


@asynccontextmanager
async def cut_off(world: World) -> AsyncIterator[None]:
    """Links are reset, and so is each new one."""
    world.link.cut()
    yield
    world.link.mend()


@asynccontextmanager
async def unplugged(world: World) -> AsyncIterator[None]:
    """Nothing comes through any more, and nobody says so."""
    world.link.silence()
    yield
    world.link.mend()


@pytest.mark.timeout(120 * TIMES)
@pytest.mark.parametrize("fault", [stopped, killed, frozen, cut_off, unplugged])
async def test_listeners_are_told_and_lose_nothing(
    world: World, fault: Fault, record: Record
) -> None:
    slowest = 0.0
    for _ in range(TIMES):
        streams = world.connections
        start = await world.shortly_before_a_minute_ends()
        opened, began = world.link.accepted, now()
        async with fault(world):
            await world.all_say("stale")
            await asyncio.sleep(AWAY_SECONDS)
            seconds = now() - began
        back = now()
        assert world.link.accepted - opened < MOST_CONNECTIONS_A_SECOND * (1 + seconds)
        await world.all_have(start)
        slowest = max(slowest, now() - back)
        await world.write(("sales", start - 300, 77.0))
        compared = await world.same_as_truth()
        await world.all_say("live")
        assert world.connections == streams, "a stream was closed"
    record(Outcome(fault.__name__, TIMES, len(world.listeners), compared, 0, 0, slowest))
    assert slowest < MOST_SECONDS


async def test_links_that_are_reset_again_and_again_lose_nothing(
    world: World, record: Record
) -> None:
    """Each is opened again before anybody has to be told."""
    slowest = 0.0
    for _ in range(sized(5, soak=200)):
        streams = world.connections
        start = await world.shortly_before_a_minute_ends(seconds=0.2)
        world.link.cut()
        world.link.mend()
        back = now()
        await world.all_have(start)
        slowest = max(slowest, now() - back)
    compared = await world.same_as_truth()
    assert world.connections == streams
    record(Outcome("reset", sized(5, soak=200), len(world.listeners), compared, 0, 0, slowest))


def now() -> float:
    return asyncio.get_running_loop().time()
