"""The lines of HTTP/1.x heads that two servers could read differently (RFC 9112, 11.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ODD = re.compile(rb"(?<!\r)\n|\n[ \t]")
"""A line that ends without a carriage return, or that goes on in the next one (RFC 9112, 5.2)."""

_END = b"\r\n\r\n"


class RequestLines:
    """Looks at a head piece by piece, as it comes; what came before costs nothing again."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b""

    def are_odd(self, data: bytes) -> bool:
        """Tell whether the next piece of the head has an odd line; behind its end is the body."""
        text = self._tail + data
        begin = max(len(self._tail) - 1, 0)
        end = text.find(_END)
        self._tail = text[-3:] if end < 0 else b""
        return _ODD.search(text, begin, len(text) if end < 0 else end) is not None

    def forget(self) -> None:
        """Begin with another head."""
        self._tail = b""


def has_two_lengths(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Tell whether a body has a length and chunks, so that a proxy may see its end elsewhere."""
    names = {name for name, _ in headers}
    return b"content-length" in names and b"transfer-encoding" in names
