"""What one client has sent that nobody has dealt with yet."""

from __future__ import annotations

import asyncio

_READ_AHEAD_BYTES = 65_536


class ClientReader:
    """The read side of a connection: keeps what comes, and lets the client wait when it is much."""

    __slots__ = ("_data", "_loop", "_more", "_transport", "ended")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport: asyncio.Transport | None = transport
        self._loop = loop
        self._data = b""
        self._more: asyncio.Future[None] | None = None
        self.ended = False

    @property
    def data(self) -> bytes:
        """What has come and was not taken."""
        return self._data

    @property
    def idle(self) -> bool:
        """Whether more is waited for, and nothing has come since, not even the end."""
        return self._more is not None and not self._more.done()

    def put(self, data: bytes) -> None:
        """Keep what has come."""
        self._data += data
        self._wake()
        if len(self._data) >= _READ_AHEAD_BYTES and self._transport is not None:
            self._transport.pause_reading()

    def end(self) -> None:
        """Take note that no more will come."""
        self.ended = True
        self._wake()

    def release(self) -> None:
        """Reach the transport no more: to whoever reads the input has ended."""
        self._transport = None
        self.end()

    def take(self) -> bytes:
        """Return what has come."""
        data, self._data = self._data, b""
        if len(data) >= _READ_AHEAD_BYTES and self._transport is not None:
            self._transport.resume_reading()
        return data

    def more(self) -> asyncio.Future[None]:
        """Return what is done once more has come, or the end."""
        self._more = self._loop.create_future()
        return self._more

    async def read(self) -> bytes:
        """Return what has come once something has, nothing at the end."""
        if not self._data and not self.ended:
            try:
                await self.more()
            finally:
                self._more = None
        return self.take()

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)
