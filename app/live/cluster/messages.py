"""What a publisher says to gateways, and how a gateway listens; carried by Redis or by nobody.

Messages may be lost. That is noticed from data alone: a message carries the publisher's cursor
token after it, and a gateway whose own token differs looks into the database.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, Protocol, Self

import orjson

from ...errors import InvalidCodeError, InvalidParameterError
from ...grid import Grid
from ...models import Bucket, Channel, Period
from .. import cursor
from ..series import Series

BEAT_TOPIC = "kpi"
"""Where a publisher that leads says so every second, and after all that it says at once."""

BEAT_SECONDS = 1.0

_PREFIX = "kpi:"

TOPICS = _PREFIX + "*"
"""The pattern of all topics of channels."""

_WORDS = cursor.words_for(1)


def token(series: Series) -> str:
    """Return what two series have in common if and only if they hold the same."""
    return series.token(_WORDS)


def topic(channel: Channel, grid: Grid) -> str:
    """Return the topic of a channel; days of another time zone are another topic."""
    return f"{_PREFIX}{channel.code}:{grid.name}"


def channel_of(name: str, grids: dict[Period, Grid]) -> Channel | None:
    """Return the channel of a topic, None where it is of other grids or not one of ours."""
    try:
        channel = Channel.parse(name.removeprefix(_PREFIX).partition("@")[0])
    except (InvalidCodeError, InvalidParameterError):
        return None
    return channel if topic(channel, grids[channel.period]) == name else None


Trouble = tuple[str | None, float | None]


class Message(NamedTuple):
    """What is new on one channel, and the publisher's token after it.

    `buckets` are oldest first. `trouble` is why the data cannot be relied on, and since when in
    seconds. Of two publishers the one with the higher `epoch` is right.
    """

    epoch: int
    token: str
    buckets: list[Bucket]
    trouble: Trouble

    def encode(self) -> bytes:
        """Return the message as JSON."""
        buckets = [[*bucket] for bucket in self.buckets]
        return orjson.dumps([self.epoch, self.token, buckets, self.trouble])

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encode` made; raise ValueError for anything else."""
        try:
            epoch, word, rows, (reason, since) = orjson.loads(data)
            return cls(int(epoch), str(word), [Bucket(*row) for row in rows], (reason, since))
        except (TypeError, ValueError) as error:
            raise ValueError(f"not a message: {error}") from None


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
            return cls(int(epoch), float(now))
        except (TypeError, ValueError) as error:
            raise ValueError(f"not a beat: {error}") from None


class Ear(Protocol):
    """What a gateway does with what it hears."""

    def heard(self, channel: Channel, message: Message) -> None:
        """Take in a message; it is shown to listeners at the next beat."""

    async def beat(self, beat: Beat) -> None:
        """Show what was heard; a publisher leads."""

    def subscribed(self, channels: Collection[Channel]) -> None:
        """Nothing is missed on these from now on; what came before may have been."""

    def changed(self) -> None:
        """Messages have begun to flow, or ceased to."""


class Messaging(Protocol):
    """How a gateway listens; while messages do not flow it polls for itself."""

    @property
    def flowing(self) -> bool:
        """Whether a publisher leads and its messages arrive."""

    def subscribe(self, channel: Channel) -> None:
        """Listen to a channel from soon on."""

    def unsubscribe(self, channel: Channel) -> None:
        """Listen to it no more."""

    async def settled(self, channels: Collection[Channel]) -> None:
        """Wait, for a bounded time, until nothing is missed on these channels any more."""

    async def run(self, ear: Ear) -> None:
        """Listen until cancelled."""


class InProcess:
    """Messaging where there is no publisher but this process: its pollers feed its broadcasters."""

    flowing = False

    def subscribe(self, channel: Channel) -> None:
        """Do nothing."""

    def unsubscribe(self, channel: Channel) -> None:
        """Do nothing."""

    async def settled(self, channels: Collection[Channel]) -> None:
        """Return at once."""

    async def run(self, ear: Ear) -> None:
        """Return at once."""
