"""What one connection, one request and one reader may cost."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..settings import Settings

MIN_TAKEN_BYTES = 16_384
"""What a reader that is behind must take within the send timeout: 0.5 KB a second by default."""

_HTTP1_VERSIONS = ("1.0", "1.1")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a process; `max_connections` None: as many as there may be files."""

    max_connections: int | None = None
    max_url_bytes: int = 32_768
    max_header_bytes: int = 65_536
    header_timeout_seconds: float = 10.0
    keep_alive_seconds: float = 75.0
    half_closed_seconds: float = 5.0
    send_timeout_seconds: float = 30.0
    buffer_bytes: int = 262_144
    kernel_buffer_bytes: int = 16_384

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return the limits that the settings ask for."""
        return cls(
            max_connections=settings.max_connections,
            max_url_bytes=settings.max_url_bytes,
            max_header_bytes=settings.max_header_bytes,
            header_timeout_seconds=settings.header_timeout_seconds,
            keep_alive_seconds=settings.keep_alive_seconds,
            send_timeout_seconds=settings.send_timeout_seconds,
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused before the app sees it."""

    status: int
    detail: str


def version_refusal(version: str) -> Refusal | None:
    """Return why a request on an HTTP/1.x connection is refused for its version, or None."""
    if version in _HTTP1_VERSIONS:
        return None
    if version == "2.0":
        return Refusal(505, "HTTP/2 is not spoken here; KPI_HTTP2 would allow it.")
    return Refusal(505, f"HTTP/{version} is not spoken here; HTTP/1.1 is.")


def refusal(scope: Mapping[str, Any], limits: Limits) -> Refusal | None:
    """Return why a request's head is refused, or None."""
    if scope["type"] != "http":
        return Refusal(400, "There are no WebSockets here; the streams are Server-Sent Events.")
    url = len(scope["raw_path"]) + 1 + len(scope["query_string"])
    if url > limits.max_url_bytes:
        sizes = f"{url} bytes; KPI_MAX_URL_BYTES allows {limits.max_url_bytes}"
        return Refusal(414, f"The URL is {sizes}.")
    # As HPACK counts them (RFC 7541, 4.1), less its overhead: name, value and what separates them.
    header = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    if header > limits.max_header_bytes:
        sizes = f"{header} bytes; KPI_MAX_HEADER_BYTES allows {limits.max_header_bytes}"
        return Refusal(431, f"The header fields are {sizes}.")
    return None


def has_body(scope: Mapping[str, Any]) -> bool:
    """Tell whether a request announces a body (RFC 9112, 6.3)."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
        for name, value in scope["headers"]
    )


def untaken(transport: asyncio.WriteTransport) -> int:
    """Return how many bytes were written that the reader's machine has not acknowledged."""
    size = transport.get_write_buffer_size()
    sock = transport.get_extra_info("socket")
    try:
        (queued,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))
    except OSError:  # closed meanwhile, or a system that does not tell
        return size
    return size + int(queued)


def takes_enough(before: int, after: int) -> bool:
    """Tell whether a reader takes enough: `before` and `after` are untaken bytes, a timeout apart.

    What was written between the two belongs to `before`.
    """
    return before - after >= min(before, MIN_TAKEN_BYTES)
