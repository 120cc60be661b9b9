"""The cursor on the wire: where a client stands on each of its channels, made from data alone.

A cursor is a version digit and then one token a channel, joined by dots, so cursors compose: the
tokens of several snapshots make the cursor of one stream over all their channels.
"""

from __future__ import annotations

import hashlib
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import NamedTuple

from ..errors import CursorError
from ..grid import Grid
from ..models import Channel
from . import former_cursor

VERSION = "2"
MAX_TOKENS = 256
"""As many as one stream has channels."""

_TOKEN = struct.Struct(">5sIHQ")
TOKEN_LENGTH = len(urlsafe_b64encode(bytes(_TOKEN.size)).rstrip(b"="))
_PADDING = "=" * (-TOKEN_LENGTH % 4)
# The last character holds two bits; other ones in it would make another text of the same token.
_PATTERN = re.compile(rf"[A-Za-z0-9_-]{{{TOKEN_LENGTH - 1}}}[AQgw]")


class Position(NamedTuple):
    """Where a client stands on one channel.

    It has all up to and including the bucket numbered `last`; `digest` is that of the last `width`
    buckets as it has them, an unsigned 64-bit number; None where the first release has made the
    cursor, which says where its client stands and not what it has.
    """

    last: int
    width: int
    digest: int | None


def key(channel: Channel, grid: Grid) -> bytes:
    """Return what stands for a channel in a token; days of another time zone are another key."""
    return hashlib.blake2b(f"{channel.code}:{grid.name}".encode(), digest_size=5).digest()


def encode_token(key: bytes, position: Position) -> str:
    """Return one channel's token, which always has `TOKEN_LENGTH` characters."""
    return urlsafe_b64encode(_TOKEN.pack(key, *position)).rstrip(b"=").decode()


def join(tokens: Iterable[str]) -> str:
    """Return the cursor made of the tokens."""
    return VERSION + ".".join(tokens)


def decode(cursors: Iterable[str]) -> dict[bytes, Position]:
    """Return the position of each channel key in the cursors, the furthest where one stands twice.

    Raises CursorError for anything that `join` cannot have made, of this release or the first,
    before anything is read.
    """
    found: list[tuple[bytes, Position]] = []
    for cursor in cursors:
        most = MAX_TOKENS - len(found)
        if cursor[:1] == former_cursor.VERSION:
            said = former_cursor.decode(cursor, most)
            found += [
                (channel_key, Position(last, width, None)) for channel_key, last, width in said
            ]
            continue
        count, rest = divmod(len(cursor), TOKEN_LENGTH + 1)
        if rest or not 0 < count <= most or cursor[0] != VERSION:
            raise CursorError("the cursor is not one of ours")
        found += map(_decode_token, cursor[1:].split("."))
    positions: dict[bytes, Position] = {}
    for channel_key, position in found:
        known = positions.get(channel_key)
        if known is None or known.last < position.last:
            positions[channel_key] = position
    return positions


def _decode_token(token: str) -> tuple[bytes, Position]:
    if _PATTERN.fullmatch(token) is None:
        raise CursorError("the cursor is not one of ours")
    channel_key, last, width, digest = _TOKEN.unpack(urlsafe_b64decode(token + _PADDING))
    return channel_key, Position(last, width, digest)
