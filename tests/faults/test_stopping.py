"""Gateways that are asked to stop, or killed, with very many streams open: all go on elsewhere."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter

import httpx
import psutil
import pytest

from app.settings import Settings
from tests.cluster.cluster import GRID
from tests.cluster.program import Program
from tests.e2e.server_process import free_port
from tests.faults.conftest import Record
from tests.faults.crowd import Account, Crowd
from tests.faults.report import Outcome
from tests.faults.world import ClockedDatabase, fill
from tests.running import until
from tests.soaking import sized

pytestmark = pytest.mark.soak

STREAMS_STOPPED = sized(300, soak=5_000)
STREAMS_KILLED = sized(400, soak=10_000)
DRAIN_SECONDS = sized(3, soak=10)
WORST_SECOND = sized(2.0, soak=1.3)
"""Times the mean: how many streams are closed in the worst second of a shutdown."""

SERVED_SECONDS = sized(30.0, soak=5.0)
REST_SECONDS = sized(10.0, soak=1.0)


def gateway(settings: Settings, **environment: str) -> Program:
    assert settings.database_url is not None
    return Program(
        "serve",
        {
            "KPI_DATABASE_URL": settings.database_url.get_secret_value(),
            "KPI_GRACE_SECONDS": "0.2",
            "KPI_DRAIN_SECONDS": str(DRAIN_SECONDS),
            **environment,
        },
    )


def whole(account: Account) -> tuple[int, int, int]:
    return account.lost, account.repeated, account.resets


@pytest.mark.timeout(300)
async def test_streams_of_a_gateway_that_stops_go_on_at_another(
    shadowed_settings: Settings, record: Record
) -> None:
    database = ClockedDatabase(shadowed_settings)
    await fill(shadowed_settings)
    first, second = gateway(shadowed_settings), gateway(shadowed_settings)
    try:
        for each in (first, second):
            await each.start()
            await each.says("Dashboard")
        async with (
            Crowd([first.port], back_within_seconds=0.5) as crowd,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{first.port}", timeout=20) as balancer,
        ):
            await crowd.gather(STREAMS_STOPPED)
            start = GRID.start(GRID.index(int(await database.now())))
            assert (await balancer.get("/readyz")).status_code == 200
            crowd.ports = [second.port]
            began = asyncio.get_running_loop().time()
            stopping = asyncio.create_task(first.stop())
            await unready(balancer)
            # A minute ends in the midst of it.
            await database.set_clock(start + 60 - 0.5)
            await database.nudge(second.port)
            assert await stopping == 0
            took = asyncio.get_running_loop().time() - began
            await crowd.until_open(STREAMS_STOPPED)
            await crowd.until_all_have(start, seconds=120)
    finally:
        for each in (first, second):
            await each.kill()
            each.close()
    account = crowd.account
    assert whole(account) == (0, 0, 0)
    closed = account.closed_at[:STREAMS_STOPPED]
    seconds = Counter(int(at - began) for at in closed)
    worst = max(seconds.values()) / (STREAMS_STOPPED / DRAIN_SECONDS)
    print(f"closed in each second: {sorted(seconds.items())}; worst {worst:.2f} times the mean")
    assert worst < WORST_SECOND
    assert took < DRAIN_SECONDS + SERVED_SECONDS
    record(Outcome("SIGTERM", 1, STREAMS_STOPPED, STREAMS_STOPPED, 0, 0, took))


async def unready(balancer: httpx.AsyncClient) -> None:
    """Wait until a gateway says that it takes no more, which it has to say at once."""
    async with asyncio.timeout(2):
        while (answer := await balancer.get("/readyz")).status_code == 200:
            pass
    assert answer.status_code == 503


@pytest.mark.timeout(300)
async def test_all_who_lose_their_stream_at_once_are_served_again_soon(
    shadowed_settings: Settings, record: Record
) -> None:
    database = ClockedDatabase(shadowed_settings)
    await fill(shadowed_settings)
    port = free_port()
    program = gateway(shadowed_settings, KPI_BIND=f"127.0.0.1:{port}", KPI_WORKERS="2")
    await program.start()
    try:
        await program.says("Dashboard")
        async with Crowd([port], back_within_seconds=2.0) as crowd:
            await crowd.gather(STREAMS_KILLED)
            start = GRID.start(GRID.index(int(await database.now())))
            said = len(program.said)
            for process in workers(program):
                process.kill()
            await program.kill()
            await database.set_clock(start + 61)
            await program.start()
            await program.says("Dashboard", after=said)
            back = asyncio.get_running_loop().time()
            taken: list[float] = []
            over = threading.Event()
            asking = asyncio.create_task(asyncio.to_thread(ask, port, taken, over))
            try:
                await crowd.until_open(STREAMS_KILLED, seconds=120)
                served = asyncio.get_running_loop().time() - back
                await until(lambda: bool(taken))
            finally:
                over.set()
                await asking
            used = sum(sum(each.cpu_times()[:2]) for each in workers(program))
            slowest = max(taken)
            await crowd.until_all_have(start, seconds=120)
        assert await program.stop() == 0
    finally:
        await program.kill()
        program.close()
    assert whole(crowd.account) == (0, 0, 0)
    print(
        f"all {STREAMS_KILLED} served in {served:.2f} s, with {used:.2f} s of CPU since the start; "
        f"slowest REST answer {slowest:.3f} s"
    )
    assert served < SERVED_SECONDS + 2
    assert slowest < REST_SECONDS
    record(Outcome("kill -9", 1, STREAMS_KILLED, STREAMS_KILLED, 0, 0, served))


def workers(program: Program) -> list[psutil.Process]:
    """Return the processes that serve."""
    return psutil.Process(program.pid).children()


def ask(port: int, taken: list[float], over: threading.Event) -> None:
    """Ask for a snapshot again and again until `over`, and note how many seconds each took.

    In a thread of its own: it would have to wait for the crowd's turns of the event loop.
    """
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        while not over.wait(0.02):
            began = time.monotonic()
            client.get("/kpi/costs").raise_for_status()
            taken.append(time.monotonic() - began)
