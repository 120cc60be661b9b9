"""Clients behind a proxy: requests and streams, by HTTP/1.1 or 2, from any loopback address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from tests.proxies.proxies import PATIENCE_SECONDS, Running
from tests.server.stage import trusting
from tests.sse_reader import Event, Reader


class Listener:
    """One stream, read event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.sse = Reader()
        self._pieces = response.aiter_bytes()
        self._events: list[Event] = []

    async def event(self, *names: str) -> Event:
        """Return the next event, or the next of those names; EOFError when the stream has ended."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                while self._events:
                    event = self._events.pop(0)
                    if not names or event.event in names:
                        return event
                await self._more()

    async def rest(self) -> None:
        """Read up to the end of the stream."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while True:
                    await self._more()
            except EOFError:
                return

    async def _more(self) -> None:
        try:
            self._events += self.sse.feed(await anext(self._pieces))
        except StopAsyncIteration:
            raise EOFError from None


@asynccontextmanager
async def visiting(
    proxy: Running, *, http2: bool = False, address: str | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of the proxy that comes from a loopback address."""
    tls = True if proxy.certificate is None else trusting(proxy.certificate)
    transport = httpx.AsyncHTTPTransport(
        verify=tls, http1=not http2, http2=http2, local_address=address
    )
    async with httpx.AsyncClient(
        transport=transport, base_url=proxy.url, timeout=PATIENCE_SECONDS
    ) as client:
        yield client


@asynccontextmanager
async def listening(
    client: httpx.AsyncClient, path: str, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Listener]:
    """Open a stream; whether it was refused is for the caller to see."""
    accept = {"Accept": "text/event-stream", "Accept-Encoding": "gzip, br"}
    async with client.stream("GET", path, headers=accept | dict(headers or {})) as response:
        yield Listener(response)
