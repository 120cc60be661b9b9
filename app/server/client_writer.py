"""What is written to one client before its socket is detached."""

from __future__ import annotations

import asyncio

from .limits import takes_enough, untaken

_GATHERED_BYTES = 16_384


class ClientWriter:
    """The write side of a connection: gathers small pieces, and waits for the client.

    Small pieces wait for the next turn of the event loop: head and body of an answer are written
    one after the other, and are one packet and one system call.
    """

    __slots__ = ("_loop", "_outgoing", "_transport", "_writable")

    def __init__(self, transport: asyncio.WriteTransport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport: asyncio.WriteTransport | None = transport
        self._loop = loop
        self._outgoing = b""
        self._writable: asyncio.Event | None = None
        transport.set_write_buffer_limits(high=_GATHERED_BYTES)

    @property
    def behind(self) -> bool:
        """Whether the client has yet to take what was written."""
        return self._writable is not None

    def write(self, data: bytes) -> None:
        """Send bytes; after the connection is lost or detached, forget them."""
        if self._transport is None:
            return
        if not self._outgoing and data:
            self._loop.call_soon(self.flush)
        self._outgoing += data
        if len(self._outgoing) >= _GATHERED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Let go of what was gathered."""
        data, self._outgoing = self._outgoing, b""
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def pause(self) -> None:
        """Let whoever writes wait: the client is behind."""
        if self._writable is None:
            self._writable = asyncio.Event()

    def resume(self) -> None:
        """Let whoever writes go on."""
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    def release(self) -> None:
        """Reach the transport no more."""
        self._transport = None
        self.resume()

    async def taken(self, timeout: float) -> bool:
        """Wait until the client has caught up; False: it takes too little within the timeout."""
        while self._writable is not None:
            before = self._untaken()
            try:
                async with asyncio.timeout(timeout):
                    await self._writable.wait()
            except TimeoutError:
                if not takes_enough(before, self._untaken()):
                    return False
        return True

    def _untaken(self) -> int:
        return 0 if self._transport is None else untaken(self._transport)
