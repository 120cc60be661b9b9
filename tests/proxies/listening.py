"""Clients behind a proxy: requests and streams, by HTTP/1.1 or 2, from any loopback address."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from tests.proxies.proxies import PATIENCE_SECONDS, Running
from tests.server.stage import trusting
from tests.stream_client import EventStream


class Listener(EventStream):
    """A stream that came through a proxy."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self.response = response
        self._pieces = response.aiter_bytes()

    async def _more(self) -> bytes:
        try:
            return await anext(self._pieces)
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
