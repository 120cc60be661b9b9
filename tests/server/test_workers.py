"""Several processes behind one port: spread, restarts, signals, and no orphan."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest

from app.bind import Bind
from app.errors import ConfigurationError
from app.server.sockets import listening
from tests.server.clients import connected

pytestmark = pytest.mark.slow


class Parent:
    """The parent process of workers."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.port = 0

    async def begun(self) -> None:
        """Wait until all workers serve."""
        assert self.process.stdout is not None
        self.port = int(await asyncio.wait_for(self.process.stdout.readline(), 20))

    def workers(self) -> list[psutil.Process]:
        """Return its workers."""
        return psutil.Process(self.process.pid).children()

    async def ask(self, times: int) -> Counter[int]:
        """Ask on so many connections which process answers."""
        answers: Counter[int] = Counter()
        for _ in range(times):
            async with connected(self.port) as client:
                await client.get("/process")
                answers[int(await client.rest())] += 1
        return answers


@asynccontextmanager
async def parent(*arguments: str) -> AsyncIterator[Parent]:
    command = [sys.executable, "-m", "tests.server.workers", *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    children = []
    try:
        yield Parent(process)
        children = psutil.Process(process.pid).children() if process.returncode is None else []
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        for child in children:
            child.wait(5)


async def test_connections_spread_over_the_workers() -> None:
    async with parent("3") as group:
        await group.begun()
        answers = await group.ask(300)
        assert set(answers) == {worker.pid for worker in group.workers()}
        assert min(answers.values()) > 50


async def test_a_worker_that_dies_is_replaced_and_the_others_go_on() -> None:
    async with parent("2") as group:
        await group.begun()
        victim, other = group.workers()
        victim.kill()
        victim.wait(5)
        assert set(await group.ask(20)) == {other.pid}
        async with asyncio.timeout(10):
            while len(await group.ask(20)) < 2:
                pass
        assert victim.pid not in {worker.pid for worker in group.workers()}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_them_all(number: signal.Signals) -> None:
    async with parent("2") as group:
        await group.begun()
        workers = group.workers()
        group.process.send_signal(number)
        # It is 1 where one had to be killed.
        assert await asyncio.wait_for(group.process.wait(), 40) == 0
        assert not any(worker.is_running() for worker in workers)


async def test_an_interrupt_from_the_terminal_reaches_the_workers_once() -> None:
    async with parent("2") as group:
        await group.begun()
        ours = os.getpgid(group.process.pid)
        assert ours not in {os.getpgid(worker.pid) for worker in group.workers()}


async def test_a_worker_that_cannot_start_ends_them_all() -> None:
    async with parent("3", "refuse") as group:
        _, errors = await asyncio.wait_for(group.process.communicate(), 20)
        assert group.process.returncode == 1
        assert b"I will not" in errors
        assert b"Traceback" not in errors


async def test_a_worker_that_will_not_end_is_killed() -> None:
    async with parent("2", "ignore") as group:
        await group.begun()
        workers = group.workers()
        group.process.terminate()
        assert await asyncio.wait_for(group.process.wait(), 5) == 1
        assert not any(worker.is_running() for worker in workers)


async def test_workers_end_when_their_parent_is_killed() -> None:
    async with parent("2") as group:
        await group.begun()
        workers = group.workers()
        group.process.kill()
        await group.process.wait()
        _, alive = psutil.wait_procs(workers, timeout=5)
        assert alive == []


@pytest.mark.parametrize("shared", [False, True], ids=["one process", "several"])
def test_a_port_that_is_taken_is_said_to_be(*, shared: bool) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bind = Bind("127.0.0.1", taken.getsockname()[1])
        with (
            pytest.raises(ConfigurationError, match=r"cannot listen on 127\.0\.0\.1"),
            listening(bind, send_timeout_seconds=30, shared=shared),
        ):
            pass
