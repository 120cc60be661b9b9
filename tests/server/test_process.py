"""What only a process of its own can show: what a stream costs, and how it takes signals."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.server.clients import connected
from tests.server.stage import PREAMBLE


class Process:
    """A server process and what it prints."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    async def line(self) -> Any:
        """Return the next line it prints, read as JSON."""
        assert self.process.stdout is not None
        return json.loads(await asyncio.wait_for(self.process.stdout.readline(), 10))

    async def state(self) -> dict[str, Any]:
        """Ask for what it holds."""
        self.process.send_signal(signal.SIGUSR2)
        state = await self.line()
        assert isinstance(state, dict)
        return state


@pytest.fixture
async def server() -> AsyncIterator[Process]:
    command = [sys.executable, "-m", "tests.server.process"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    running = Process(process, 0)
    try:
        running.port = await running.line()
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def open_streams(clients: AsyncExitStack, server: Process, count: int) -> None:
    for _ in range(count):
        client = await clients.enter_async_context(connected(server.port))
        await client.get("/stream")
        await client.body(len(PREAMBLE))


async def settled(server: Process, streams: int, tasks: int) -> int:
    """Wait until so many streams are all there is; return the process's memory in bytes."""
    async with asyncio.timeout(10):
        while True:
            state = await server.state()
            if (state["streams"], state["handlers"], state["tasks"]) == (streams, 0, tasks):
                return int(state["memory"])


async def test_a_thousand_streams_cost_four_kilobytes_each_at_most(server: Process) -> None:
    tasks = (await server.state())["tasks"]
    async with AsyncExitStack() as clients:
        await open_streams(clients, server, 20)
    before = await settled(server, 0, tasks)
    async with AsyncExitStack() as clients:
        await open_streams(clients, server, 1000)
        server.process.send_signal(signal.SIGUSR1)
        each = (await settled(server, 1000, tasks) - before) / 1000
        print(f"a stream costs {each:.0f} bytes and no task")
        assert each <= 4096


async def test_a_thousand_that_come_at_once_are_not_all_held_half_answered(
    server: Process,
) -> None:
    tasks = (await server.state())["tasks"]
    before = await settled(server, 0, tasks)
    async with AsyncExitStack() as clients:
        for _ in range(1000):
            client = await clients.enter_async_context(connected(server.port))
            client.writer.write(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        each = (await settled(server, 1000, tasks) - before) / 1000
        print(f"a stream costs {each:.0f} bytes when all come at once")
        assert each <= 10_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_ends_it_in_good_order(server: Process, number: signal.Signals) -> None:
    async with connected(server.port) as client:
        await client.get("/stream")
        await client.body(len(PREAMBLE))
        began = time.monotonic()
        server.process.send_signal(number)
        assert await client.rest() == b""
        state = await server.line()
        assert await server.process.wait() == 0
        assert time.monotonic() - began < 2
        assert state["log"] == ["startup", "stopping", "drain", "shutdown"]
        assert state["streams"] == 0
