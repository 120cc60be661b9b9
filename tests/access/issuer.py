"""An issuer of tokens that publishes its keys, and may do so oddly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import jwt

from tests.access.signing import Pair


class Issuer:
    """Publishes a key set on a port of its own."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.status = 200
        self.asked = 0
        self.url = ""
        self.odd = False
        self.raw: bytes | None = b""
        """What is answered when it is odd; None: a byte now and then."""
        self.followed = False

    def publish(self, key_id: str, pair: Pair, **changes: Any) -> None:
        algorithm = jwt.get_algorithm_by_name(pair.algorithm)
        entry = algorithm.to_jwk(pair.private.public_key(), as_dict=True)
        entry.pop("key_ops", None)
        self.keys.append({**entry, "kid": key_id, **changes})

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        self.followed |= b"/elsewhere" in request
        if self.odd:
            await self._answer_oddly(reader, writer)
            return
        body = json.dumps({"keys": self.keys}).encode()
        head = (
            f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async def _answer_oddly(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            if self.raw is None:
                writer.write(b"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n")
                while not reader.at_eof():
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.02)
            else:
                writer.write(self.raw.replace(b"%s", f"{self.url}/elsewhere".encode()))
                await writer.drain()
        writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
        async with server:
            yield
