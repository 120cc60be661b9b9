"""The cursor on the wire: where a client stands on each of its channels, made from data alone.

A cursor is a version digit and then one token a channel, joined by dots, so cursors compose: the
tokens of several snapshots make the cursor of one stream over all their channels.
"""

from __future__ import annotations

import hashlib
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..errors import CursorError
from ..grid import Grid
from ..models import Channel

VERSION = "1"
_HEAD = struct.Struct(">5sIH")
_CHECK_BYTES = 3
_MAX_LENGTH = 32_768


class Position(NamedTuple):
    """Where a client stands on one channel.

    It has all up to and including the bucket numbered `last`; `words` is the sketch of the last
    `width` buckets as it has them.
    """

    last: int
    width: int
    words: tuple[int, ...]


def words_for(channels: int) -> int:
    """Return how many sketch words each of so many channels gets, so a cursor fits a header.

    2t words locate t corrections made while the client was away; beyond that it gets a `reset`.
    """
    for most, words in ((8, 16), (32, 8), (64, 4)):
        if channels <= most:
            return words
    return 2


def key(channel: Channel, grid: Grid) -> bytes:
    """Return what stands for a channel in a token; days of another time zone are another key."""
    return hashlib.blake2b(f"{channel.code}:{grid.name}".encode(), digest_size=5).digest()


def encode_token(key: bytes, last: int, width: int, words: Sequence[int]) -> str:
    """Return one channel's token."""
    body = _HEAD.pack(key, last, width) + struct.pack(f">{len(words)}I", *words)
    return urlsafe_b64encode(body + _check(body)).rstrip(b"=").decode()


def join(tokens: Iterable[str]) -> str:
    """Return the cursor made of the tokens."""
    return VERSION + ".".join(tokens)


def decode(cursors: Iterable[str]) -> dict[bytes, Position]:
    """Return the position of each channel key in the cursors, the furthest where one stands twice.

    Raises CursorError for anything that `join` has not made.
    """
    positions: dict[bytes, Position] = {}
    for cursor in cursors:
        if len(cursor) > _MAX_LENGTH or cursor[:1] != VERSION:
            raise CursorError("the cursor is not one of ours")
        for token in cursor[1:].split("."):
            channel_key, position = _decode_token(token)
            known = positions.get(channel_key)
            if known is None or known.last < position.last:
                positions[channel_key] = position
    return positions


def _decode_token(token: str) -> tuple[bytes, Position]:
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (Base64Error, ValueError):
        raise CursorError("the cursor is not one of ours") from None
    body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
    words_bytes = len(body) - _HEAD.size
    if words_bytes < 8 or words_bytes % 4 or _check(body) != check:
        raise CursorError("the cursor is damaged")
    channel_key, last, width = _HEAD.unpack_from(body)
    if width == 0:
        raise CursorError("the cursor is damaged")
    return channel_key, Position(
        last, width, struct.unpack(f">{words_bytes // 4}I", body[_HEAD.size :])
    )


def _check(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_CHECK_BYTES, person=b"kpi-stream").digest()
