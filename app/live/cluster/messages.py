"""What a publisher sends to gateways, as bytes.

Messages may be lost. That is noticed from data alone: a message carries the publisher's cursor
token after it, and a gateway whose own token differs looks into the database.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import orjson

from ...errors import InvalidCodeError, InvalidParameterError
from ...grid import Grid, Grids
from ...models import Bucket, Channel
from ..health import Trouble

BEAT_TOPIC = "kpi"
"""Where a publisher that leads says so every second, and after all that it says at once."""

BEAT_SECONDS = 1.0

_PREFIX = "kpi:"

TOPICS = _PREFIX + "*"
"""The pattern of all topics of channels."""


def topic(channel: Channel, grid: Grid) -> str:
    """Return the topic of a channel; days of another time zone are another topic."""
    return f"{_PREFIX}{channel.code}:{grid.name}"


def channel_of(name: str, grids: Grids) -> Channel | None:
    """Return the channel of a topic, None where it is of other grids or not one of ours."""
    try:
        channel = Channel.parse(name.removeprefix(_PREFIX).partition("@")[0])
    except (InvalidCodeError, InvalidParameterError):
        return None
    return channel if topic(channel, grids[channel.period]) == name else None


class Message(NamedTuple):
    """What is new on one channel, and the publisher's token after it.

    `buckets` are oldest first. Of two publishers the one with the higher `epoch` is right.
    """

    epoch: int
    token: str
    buckets: list[Bucket]
    trouble: Trouble | None

    def encode(self) -> bytes:
        """Return the message as JSON."""
        buckets = [[*bucket] for bucket in self.buckets]
        trouble = None if self.trouble is None else [*self.trouble]
        return orjson.dumps([self.epoch, self.token, buckets, trouble])

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encode` made; raise ValueError for anything else.

        Publishers of other releases may share the Redis, so each value's type is checked.
        """
        try:
            epoch, token, rows, trouble = orjson.loads(data)
            return cls(
                _whole(epoch),
                _text(token),
                [_bucket(*row) for row in rows],
                None if trouble is None else _trouble(*trouble),
            )
        except (TypeError, ValueError) as error:
            raise ValueError(f"not a message: {error}") from None


def _bucket(start: Any, value: Any, points: Any, minimum: Any, maximum: Any, digest: Any) -> Bucket:
    return Bucket(
        _whole(start),
        _optional(value),
        None if points is None else _whole(points),
        _optional(minimum),
        _optional(maximum),
        _whole(digest),
    )


def _trouble(reason: Any, since: Any) -> Trouble:
    return Trouble(_text(reason), _optional(since))


def _optional(value: Any) -> float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise TypeError(f"{value!r} is no number")


def _whole(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError(f"{value!r} is no whole number")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"{value!r} is no text")


class Beat(NamedTuple):
    """A publisher leads and its database answered; `now` is the database's clock in seconds."""

    epoch: int
    now: float

    def encode(self) -> bytes:
        """Return the beat as JSON."""
        return orjson.dumps([*self])

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encode` made; raise ValueError for anything else."""
        try:
            epoch, now = orjson.loads(data)
            return cls(_whole(epoch), float(now))
        except (TypeError, ValueError) as error:
            raise ValueError(f"not a beat: {error}") from None
