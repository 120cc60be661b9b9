"""Clients that look at every byte: HTTP/1.x through h11, HTTP/2 through h2."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import h2.connection
import h2.events
import h11

HEAD = b"GET %s HTTP/%s\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"


class Http1:
    """One HTTP/1.x connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.parser = h11.Connection(h11.CLIENT)

    async def get(self, path: str) -> h11.Response:
        """Ask for a path with HTTP/1.1 and return the head of the answer."""
        headers = [("Host", "localhost")]
        request = h11.Request(method="GET", target=path, headers=headers)
        self.writer.write(self.parser.send(request))
        self.writer.write(self.parser.send(h11.EndOfMessage()))
        head = await self.event()
        assert isinstance(head, h11.Response)
        return head

    async def event(self) -> object:
        """Return the parser's next event."""
        async with asyncio.timeout(10):
            while (event := self.parser.next_event()) is h11.NEED_DATA:
                self.parser.receive_data(await self.reader.read(65_536))
        return event

    async def body(self, size: int) -> bytes:
        """Return the next `size` bytes of the body."""
        body = b""
        while len(body) < size:
            event = await self.event()
            assert isinstance(event, h11.Data), event
            body += bytes(event.data)
        return body

    async def rest(self) -> bytes:
        """Return the body up to its proper end; h11 raises when it is cut off."""
        body = b""
        while not isinstance(event := await self.event(), h11.EndOfMessage):
            assert isinstance(event, h11.Data), event
            body += bytes(event.data)
        return body


@asynccontextmanager
async def connected(
    port: int, *, tls: ssl.SSLContext | None = None, receive_buffer: int | None = None
) -> AsyncIterator[Http1]:
    """Connect to the server; `receive_buffer` bytes is all that the kernel takes for us."""
    sock = socket.socket()
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", port))
    name = None if tls is None else "localhost"
    # Reads ahead at most twice the limit: a client that does not read must not read secretly.
    reader, writer = await asyncio.open_connection(
        sock=sock, ssl=tls, server_hostname=name, limit=1024 if receive_buffer else 65_536
    )
    try:
        yield Http1(reader, writer)
    finally:
        writer.transport.abort()


class Http2:
    """One HTTP/2 connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.connection = h2.connection.H2Connection()
        self.bodies: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.connection.initiate_connection()
        self._flush()

    def get(self, path: str) -> int:
        """Ask for a path and return the number of its stream."""
        number = self.connection.get_next_available_stream_id()
        fields = {":method": "GET", ":path": path, ":scheme": "http", ":authority": "localhost"}
        self.connection.send_headers(number, list(fields.items()), end_stream=True)
        self.bodies[number] = b""
        self._flush()
        return number

    async def until(self, number: int, size: int | None) -> bytes:
        """Return the body of a stream once it has `size` bytes, or (None) has ended."""
        async with asyncio.timeout(10):
            while number not in self.ended if size is None else len(self.bodies[number]) < size:
                data = await self.reader.read(65_536)
                assert data, "the connection was closed"
                self._take(data)
        return self.bodies[number]

    def _take(self, data: bytes) -> None:
        for event in self.connection.receive_data(data):
            if isinstance(event, h2.events.DataReceived):
                self.bodies[event.stream_id] += event.data
                self.connection.acknowledge_received_data(
                    event.flow_controlled_length, event.stream_id
                )
            elif isinstance(event, h2.events.StreamEnded):
                self.ended.add(event.stream_id)
        self._flush()

    def _flush(self) -> None:
        self.writer.write(self.connection.data_to_send())


@asynccontextmanager
async def connected_http2(port: int, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Http2]:
    """Connect with HTTP/2: by ALPN over TLS, by prior knowledge without."""
    name = None if tls is None else "localhost"
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name)
    try:
        yield Http2(reader, writer)
    finally:
        writer.transport.abort()
