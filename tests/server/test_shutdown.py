"""The end of a server: in which order, and within what time."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from quart import Quart

from app.errors import ConfigurationError
from tests.server.clients import connected, connected_http2
from tests.server.stage import PREAMBLE, Stage, running, trusting


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
async def test_streams_end_first_and_the_app_last(
    stage: Stage, certificate: tuple[Path, Path], *, encrypted: bool
) -> None:
    tls = trusting(certificate[0]) if encrypted else None
    async with (
        AsyncExitStack() as clients,
        running(stage, certificate=certificate if encrypted else None),
    ):
        for _ in range(20):
            client = await clients.enter_async_context(connected(stage.port, tls=tls))
            await client.get("/stream")
        await stage.listeners(20)
        began = time.monotonic()
    assert time.monotonic() - began < 2
    assert stage.log == ["startup", "stopping", "drain", "shutdown"]
    assert stage.metrics.slow_readers_closed == 0


async def test_a_request_under_way_is_answered(stage: Stage) -> None:
    async with AsyncExitStack() as clients, running(stage):
        client = await clients.enter_async_context(connected(stage.port))
        asking = asyncio.create_task(client.get("/slow"))
        await stage.held.wait()
        stage.stop.request()
        await stage.drained.wait()
        asyncio.get_running_loop().call_later(0.2, stage.hold.set)
        await asking
        assert await client.rest() == b"slow"


async def test_an_http_2_connection_ends_with_its_last_answer(stage: Stage) -> None:
    async with AsyncExitStack() as clients, running(stage, http2=True):
        client = await clients.enter_async_context(connected_http2(stage.port))
        slow = client.get("/slow")
        await stage.held.wait()
        stage.stop.request()
        await stage.drained.wait()
        asyncio.get_running_loop().call_later(0.2, stage.hold.set)
        assert await client.until(slow, None) == b"slow"
        async with asyncio.timeout(0.5):
            await client.reader.read()


async def test_a_request_without_end_is_cut_off(stage: Stage) -> None:
    async with AsyncExitStack() as clients:
        async with running(stage):
            client = await clients.enter_async_context(connected(stage.port))
            client.writer.write(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await stage.held.wait()
            began = time.monotonic()
        assert time.monotonic() - began < 3
        assert await client.reader.read() == b""
    assert stage.log[-1] == "shutdown"


async def test_streams_that_draining_leaves_open_are_cut_off(stage: Stage) -> None:
    class Forgetful(Stage):
        async def drain(self, seconds: float) -> None:
            await asyncio.sleep(3600)

    forgetful = Forgetful()
    async with AsyncExitStack() as clients:
        async with running(forgetful, http2=True, drain_seconds=0.1):
            client = await clients.enter_async_context(connected(forgetful.port))
            await client.get("/stream")
            http2 = await clients.enter_async_context(connected_http2(forgetful.port))
            await http2.until(http2.get("/stream"), len(PREAMBLE))
            await forgetful.listeners(2, detached=False)
            began = time.monotonic()
        assert time.monotonic() - began < 4
    assert not forgetful.group.members


async def test_a_second_request_to_stop_waits_for_nothing(stage: Stage) -> None:
    class Slow(Stage):
        async def drain(self, seconds: float) -> None:
            self.drained.set()
            await asyncio.sleep(seconds)

    slow = Slow()
    async with AsyncExitStack() as clients:
        async with running(slow, drain_seconds=30):
            client = await clients.enter_async_context(connected(slow.port))
            await client.get("/stream")
            await slow.listeners(1)
            slow.stop.request()
            await slow.drained.wait()
            began = time.monotonic()
            slow.stop.request()
        assert time.monotonic() - began < 1
    assert slow.log == ["startup", "stopping", "shutdown"]


async def test_nobody_new_is_let_in_while_streams_end(stage: Stage) -> None:
    class Watching(Stage):
        async def drain(self, seconds: float) -> None:
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", self.port)
            self.log.append("refused")

    watching = Watching()
    async with running(watching):
        pass
    assert "refused" in watching.log


async def test_idle_and_half_open_connections_hold_up_nothing(stage: Stage) -> None:
    async with AsyncExitStack() as clients:
        async with running(stage):
            idle = await clients.enter_async_context(connected(stage.port))
            await idle.get("/short")
            await idle.rest()
            half = await clients.enter_async_context(connected(stage.port))
            half.writer.write(b"GET /short HT")
            await half.writer.drain()
            silent = await clients.enter_async_context(connected(stage.port))
            assert silent.reader
            began = time.monotonic()
        assert time.monotonic() - began < 0.9


async def test_an_app_that_cannot_start_says_so(stage: Stage) -> None:
    class Broken(Stage):
        def app(self) -> Quart:
            app = super().app()

            @app.before_serving
            async def fail() -> None:
                raise OSError("no such thing")

            return app

    with pytest.raises(ExceptionGroup) as raised:
        async with running(Broken()):
            pytest.fail("it started")
    assert raised.group_contains(ConfigurationError, match="no such thing")


async def test_a_stop_during_start_up_ends_it(stage: Stage) -> None:
    class Starting(Stage):
        def app(self) -> Quart:
            app = super().app()

            @app.before_serving
            async def wait_for_ever() -> None:
                self.stop.request()
                self.ready.set()
                await asyncio.sleep(3600)

            return app

    starting = Starting()
    async with running(starting):
        pass
    assert starting.log == ["startup"]
