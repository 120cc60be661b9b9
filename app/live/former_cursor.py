"""Cursors of the first release, which browsers still hold while its gateways are replaced.

They say as ours do where a client stands. What it has there they say in words that only the first
release can compare, so its correction window is told to it anew.
"""

from __future__ import annotations

import hashlib
import re
import struct
from base64 import urlsafe_b64decode

from ..errors import CursorError
from ..models import Period

VERSION = "1"
MAX_LENGTH = 32_768

_HEAD = struct.Struct(">5sIH")
_CHECK_BYTES = 3
_PATTERN = re.compile(r"[A-Za-z0-9_-]+")


def decode(cursor: str, most: int) -> list[tuple[bytes, int, int]]:
    """Return the channel key, the last bucket and the width of each of at most `most` tokens.

    Raises CursorError for anything that the first release cannot have made.
    """
    if len(cursor) > MAX_LENGTH or cursor.count(".") >= most:
        raise CursorError("the cursor is not one of ours")
    return [_decode_token(token) for token in cursor[1:].split(".")]


def _decode_token(token: str) -> tuple[bytes, int, int]:
    if _PATTERN.fullmatch(token) is None or len(token) % 4 == 1:
        raise CursorError("the cursor is not one of ours")
    raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
    made = hashlib.blake2b(body, digest_size=_CHECK_BYTES, person=b"kpi-stream").digest()
    if len(body) < _HEAD.size or check != made:
        raise CursorError("the cursor is damaged")
    key, last, width = _HEAD.unpack_from(body)
    return key, last, width


def number_of(last: int, period: Period) -> int:
    """Return our number of a bucket: the first release counted days from one."""
    return last - 1 if period is Period.DAY else last
