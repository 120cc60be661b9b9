"""Bytes that are made once and written to many sockets."""

from __future__ import annotations


class Payload:
    """The SSE bytes of one burst, and the same framed as one HTTP/1.1 chunk (RFC 9112, 7.1)."""

    __slots__ = ("_chunked", "plain")

    def __init__(self, plain: bytes) -> None:
        self.plain = plain
        self._chunked: bytes | None = None

    @property
    def chunked(self) -> bytes:
        """The bytes as one chunk, framed on first use."""
        if self._chunked is None:
            self._chunked = b"%x\r\n%b\r\n" % (len(self.plain), self.plain)
        return self._chunked
