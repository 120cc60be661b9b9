"""What a publisher sends to gateways, as bytes.

Messages may be lost. That is noticed from data alone: a message carries the publisher's cursor
token after it, and a gateway whose own token differs looks into the database.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import TypeAdapter

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
        return _MESSAGE.dump_json(self)

    @staticmethod
    def decode(data: bytes) -> Message:
        """Read what `encode` made; raise ValueError for anything else.

        Publishers of other releases may share the Redis, so each value's type is checked.
        """
        return _MESSAGE.validate_json(data, strict=True)


class Beat(NamedTuple):
    """A publisher leads and its database answered; `now` is the database's clock in seconds."""

    epoch: int
    now: float

    def encode(self) -> bytes:
        """Return the beat as JSON."""
        return _BEAT.dump_json(self)

    @staticmethod
    def decode(data: bytes) -> Beat:
        """Read what `encode` made; raise ValueError for anything else."""
        return _BEAT.validate_json(data, strict=True)


_MESSAGE = TypeAdapter(Message)
_BEAT = TypeAdapter(Beat)
