"""A client of event streams over a real socket, with h11 to hold the server to HTTP/1.1.

Each event is held against the description.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import h11

from tests import described
from tests.sse_reader import Event, Reader

PATIENCE_SECONDS = 20.0


class EventStream(ABC):
    """A stream, read event by event."""

    def __init__(self) -> None:
        self.sse = Reader()
        self._events: list[Event] = []

    async def event(self, *names: str) -> Event:
        """Return the next event, or the next of those names; EOFError when the stream has ended."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                while self._events:
                    event = self._events.pop(0)
                    if not names or event.event in names:
                        return event
                await self._read()

    async def rest(self) -> list[Event]:
        """Return all events up to the end of the stream."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while True:
                    await self._read()
            except EOFError:
                return self._events

    async def _read(self) -> None:
        found = list(self.sse.feed(await self._more()))
        for event in found:
            described.validate_event(event)
        self._events += found

    @abstractmethod
    async def _more(self) -> bytes:
        """Return what comes next; raises EOFError at the end."""


class Stream(EventStream):
    """One response, held to HTTP/1.1."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)
        self.status = 0
        self.headers: dict[str, str] = {}
        self.ended = False

    async def request(self, target: str, headers: dict[str, str]) -> None:
        sent = [("Host", "localhost"), *headers.items()]
        request = self._http.send(h11.Request(method="GET", target=target, headers=sent))
        self._writer.write((request or b"") + (self._http.send(h11.EndOfMessage()) or b""))
        head = await self._next()
        assert isinstance(head, h11.Response)
        self.status = head.status_code
        self.headers = {name.decode(): value.decode() for name, value in head.headers}

    async def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(65_536))
        return event

    async def _more(self) -> bytes:
        part = await self._next()
        if isinstance(part, h11.Data):
            return bytes(part.data)
        if isinstance(part, h11.EndOfMessage | h11.ConnectionClosed):
            self.ended = True
            raise EOFError
        return b""


@asynccontextmanager
async def open_stream(
    port: int, target: str, headers: dict[str, str] | None = None
) -> AsyncIterator[Stream]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        stream = Stream(reader, writer)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await stream.request(target, headers or {})
        yield stream
    finally:
        writer.close()
