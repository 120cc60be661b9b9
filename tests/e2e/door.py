"""A proxy with an address that stays, while what is behind it goes, comes back and moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

REFUSAL = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 12\r\nConnection: close\r\n\r\nbad gateway\n"
)


class Door:
    """Passes bytes to `target`; with none it answers 502, as a proxy does whose server is away."""

    def __init__(self, target: int | None) -> None:
        self.port = 0
        self.target = target
        self.refused = 0
        self._moving = asyncio.Event()
        self._moving.set()
        self._open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def freeze(self) -> None:
        """Pass nothing more, and close nothing, as a network does that is gone."""
        self._moving.clear()

    def thaw(self) -> None:
        """Pass bytes again on connections made from now on."""
        self._moving = asyncio.Event()
        self._moving.set()

    async def shut(self) -> None:
        """Cut everybody off, and answer 502 from now on."""
        self.target = None
        await self.cut()

    async def cut(self) -> None:
        """Cut everybody off."""
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._pass(reader, writer))
        self._open.add(task)
        try:
            with suppress(asyncio.CancelledError, OSError):
                await task
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.target is None:
            await reader.readuntil(b"\r\n\r\n")
            self.refused += 1
            writer.write(REFUSAL)
            await writer.drain()
            writer.write_eof()
            await reader.read()
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.target)
        try:
            moving = self._moving
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, inner_writer, moving))
                group.create_task(_pump(inner_reader, writer, moving))
        finally:
            inner_writer.transport.abort()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, moving: asyncio.Event
) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            await moving.wait()
            writer.write(data)
            await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.write_eof()


@asynccontextmanager
async def open_door(target: int | None) -> AsyncIterator[Door]:
    door = Door(target)
    server = await asyncio.start_server(door.serve, "127.0.0.1", 0)
    door.port = server.sockets[0].getsockname()[1]
    try:
        yield door
    finally:
        server.close()
        await door.cut()
