"""The limit: an asyncio.Protocol that knows nothing of HTTP but where a head ends."""

from __future__ import annotations

import asyncio
import json
import sys

HEAD = (
    b"HTTP/1.1 200\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
)
DONE = b"HTTP/1.1 204\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Stream(asyncio.Protocol):
    """A connection: a listener, or whoever publishes."""

    __slots__ = ("_channels", "_seen", "_transport")

    def __init__(self, channels: dict[str, set[asyncio.Transport]]) -> None:
        self._channels = channels
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        if not end:
            return
        target = head.split(b" ", 2)[1].decode()
        if target.startswith("/stream"):
            self._channels.setdefault(target.rpartition("=")[2], set()).add(self._transport)
            self._transport.write(HEAD + chunk(b"retry: 3000\n\n"))
        else:
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
            if len(body) < length:
                return
            for channel, event, message, last_id in json.loads(body):
                block = f"event: {event}\ndata: {message}\nid: {last_id}\n\n"
                shared = chunk(block.encode())
                for transport in self._channels.get(channel, ()):
                    transport.write(shared)
            self._transport.write(DONE)
        self._seen = b""

    def connection_lost(self, exc: Exception | None) -> None:
        for transports in self._channels.values():
            transports.discard(self._transport)


async def main(port: int) -> None:
    channels: dict[str, set[asyncio.Transport]] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Stream(channels), "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
