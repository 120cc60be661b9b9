"""A burst of streams on a channel that has to be read first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from app.live.detach import SocketOffer
from app.server.admission import AT_ONCE
from tests.server.clients import Http1, connected
from tests.server.stage import PREAMBLE, Stage, running

REQUEST = b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Cold(Stage):
    """A stage whose streams wait, as for a database, until `read` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.began = 0
        self.read = asyncio.Event()

    async def stream(self, offer: SocketOffer | None) -> AsyncIterator[bytes]:
        self.began += 1
        self.changed.set()
        await self.read.wait()
        async for data in super().stream(offer):
            yield data

    async def beginning(self, count: int) -> None:
        """Wait until so many streams have begun."""
        async with asyncio.timeout(10):
            while self.began < count:
                self.changed.clear()
                await self.changed.wait()


async def burst(stage: Stage, clients: AsyncExitStack, count: int) -> list[Http1]:
    opened = [await clients.enter_async_context(connected(stage.port)) for _ in range(count)]
    for client in opened:
        client.writer.write(REQUEST)
    return opened


async def test_a_few_begin_at_once_and_all_in_the_end() -> None:
    cold = Cold()
    async with running(cold), AsyncExitStack() as clients:
        await burst(cold, clients, 3 * AT_ONCE)
        await cold.beginning(AT_ONCE)
        async with connected(cold.port) as other:  # is answered beside them, after all have come
            await other.get("/short")
            assert await other.rest() == b"short"
        assert cold.began == AT_ONCE
        cold.read.set()
        await cold.listeners(3 * AT_ONCE)


async def test_clients_that_leave_make_room_for_waiting_ones() -> None:
    cold = Cold()
    async with running(cold), AsyncExitStack() as stay:
        async with AsyncExitStack() as leave:
            await burst(cold, leave, AT_ONCE + 10)
            await cold.beginning(AT_ONCE)
            (client,) = await burst(cold, stay, 1)
        await cold.beginning(AT_ONCE + 1)
        cold.read.set()
        assert PREAMBLE in await client.reader.readuntil(b"{}") + b"\n\n"
        await cold.listeners(1)


async def test_no_stream_waits_longer_than_the_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.server.admission.PATIENCE_SECONDS", 0.2)
    cold = Cold()
    async with running(cold), AsyncExitStack() as clients:
        await burst(cold, clients, 2 * AT_ONCE)
        await cold.beginning(2 * AT_ONCE)
        assert not cold.read.is_set()
        cold.read.set()
        await cold.listeners(2 * AT_ONCE)
