"""Thousands of clients that misbehave leave nothing behind, and nobody else notices them."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import time
from collections.abc import AsyncIterator

import httpx
import psutil
import pytest
import pytest_asyncio

from tests.faults import clients
from tests.faults.conftest import Record
from tests.faults.report import Outcome
from tests.faults.world import World, open_world
from tests.soaking import sized
from tests.world import execute

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.soak]

CYCLES = sized(2_000, soak=100_000)
AT_ONCE = 50
MOST_GROWTH = 1.05
SEND_TIMEOUT_SECONDS = 1.0

LONG_HISTORY = """
INSERT INTO kpi_raw_data
SELECT now() - make_interval(mins => minute), 'unheard' || number, minute / 7.0
FROM generate_series(1, 120) AS minute CROSS JOIN generate_series(0, 255) AS number
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    environment = {"KPI_SEND_TIMEOUT_SECONDS": str(SEND_TIMEOUT_SECONDS), "KPI_HTTP2": "true"}
    async with open_world(environment) as opened:
        yield opened


@pytest.mark.timeout(120 + CYCLES / 20)
async def test_clients_that_misbehave_leave_nothing_behind(world: World, record: Record) -> None:
    process = psutil.Process(world.gateway.pid)
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    chosen = random.Random(seed)
    streams = world.connections
    await misbehave(world, chosen, max(CYCLES // 4, 2_000))
    await quiet(world)
    before = process.num_fds()
    memory = process.memory_info().rss
    began = time.monotonic()
    start = await world.shortly_before_a_minute_ends(seconds=0.5)
    await misbehave(world, chosen, CYCLES)
    await world.all_have(start)
    await quiet(world)
    seconds = time.monotonic() - began
    compared = await world.same_as_truth()
    # The gateway's links to its database come and go.
    assert abs(process.num_fds() - before) <= 8
    print(f"memory before and after {CYCLES} cycles: {memory}, {process.memory_info().rss}")
    assert process.memory_info().rss <= MOST_GROWTH * memory
    assert world.connections == streams, "somebody who behaved was cut off"
    record(Outcome("clients", CYCLES, len(world.listeners), compared, 0, 0, seconds))


async def misbehave(world: World, chosen: random.Random, cycles: int) -> None:
    """Have so many clients misbehave, a number of them at once."""
    queue = [chosen.choice(clients.ALL) for _ in range(cycles)]

    async def work() -> None:
        while queue:
            await clients.visit(world.gateway.port, queue.pop())

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())


async def metrics(world: World) -> dict[str, float]:
    async with httpx.AsyncClient(base_url=world.url, timeout=20) as client:
        text = (await client.get("/metrics")).text
    return {
        name: float(value) for name, value in re.findall(r"^kpi_stream_(\w+) (\S+)$", text, re.M)
    }


async def quiet(world: World) -> None:
    """Wait until only those are connected who listen, and the one who asks."""
    async with asyncio.timeout(60):
        while True:
            found = await metrics(world)
            connected = found["connections_opened_total"] - found["connections_closed_total"]
            if found["streams_open"] == len(world.listeners) and connected <= 1 + len(
                world.listeners
            ):
                assert found["channels_live"] == 2
                return
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("bytes_a_second", [0, 1])
async def test_readers_who_take_nothing_are_closed_and_counted(
    world: World, bytes_a_second: int, record: Record
) -> None:
    """From the first byte on: what they asked for is more than the kernel takes for them."""
    streams = world.connections
    async with world.database() as database:
        await execute(database, LONG_HISTORY)
    counted = (await metrics(world))["slow_readers_closed_total"]
    channels = "&".join(f"channel=unheard{number}:minute" for number in range(256))
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    began = time.monotonic()
    try:
        await loop.sock_connect(sock, ("127.0.0.1", world.gateway.port))
        request = f"GET /stream?{channels}&history=120 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        await loop.sock_sendall(sock, request.encode())
        start = await world.shortly_before_a_minute_ends(seconds=0.5)
        async with asyncio.timeout(40):
            while (await metrics(world))["slow_readers_closed_total"] == counted:
                if bytes_a_second:
                    assert await loop.sock_recv(sock, bytes_a_second)
                await asyncio.sleep(1)
    finally:
        sock.close()
    seconds = time.monotonic() - began
    await world.all_have(start)
    compared = await world.same_as_truth()
    assert world.connections == streams
    name = f"a reader of {bytes_a_second} bytes a second"
    record(Outcome(name, 1, len(world.listeners), compared, 0, 0, seconds))
