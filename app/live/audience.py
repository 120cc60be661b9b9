"""All who listen to the same set of channels, and so get the very same bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..models import Channel
from . import cursor, sse
from .payload import Payload
from .series import Series
from .subscriber import Subscriber


@dataclass(frozen=True, slots=True)
class Delivery:
    """One burst and those who were listening when it began."""

    payload: Payload
    recipients: Sequence[Subscriber]


class Source(Protocol):
    """A channel as an audience sees it."""

    @property
    def series(self) -> Series:
        """The buckets published so far."""


class Audience:
    """The listeners of one set of channels.

    Because a cursor is made from the data alone, it is the same for everybody here: a burst is
    made once, id included. The events of one tick are gathered and leave as one burst. A newcomer
    has in its preamble all that was gathered before it came, so what is gathered is sealed then
    and goes to the others alone.
    """

    def __init__(
        self,
        channels: tuple[Channel, ...],
        sources: Sequence[Source],
        send: Callable[[Delivery], None],
        dissolve: Callable[[Audience], None],
    ) -> None:
        self.channels = channels
        self.members: set[Subscriber] = set()
        self._sources = sources
        self._send = send
        self._dissolve = dissolve
        self._blocks: list[bytes] = []
        self._recipients: list[Subscriber] = []

    def cursor(self) -> str:
        """Return where everybody stands who has all that was published."""
        words = cursor.words_for(len(self.channels))
        return cursor.join(source.series.token(words) for source in self._sources)

    def append(self, block: bytes) -> None:
        """Add an event to the burst."""
        if not self._blocks:
            self._recipients = list(self.members)
        self._blocks.append(block)

    def seal(self) -> None:
        """Send what was gathered."""
        if self._blocks and self._recipients:
            payload = Payload(sse.burst(self._blocks, self.cursor()))
            self._send(Delivery(payload, self._recipients))
        self._blocks = []
        self._recipients = []

    def join(self, subscriber: Subscriber) -> None:
        """Let a subscriber have all that comes from now on."""
        self.seal()
        self.members.add(subscriber)

    def replace(self, old: Subscriber, new: Subscriber) -> None:
        """Put a subscriber in the place of another, also in bursts that are on their way."""
        self.seal()
        self.members.remove(old)
        self.members.add(new)

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a subscriber; with the last one the audience dissolves."""
        if subscriber in self.members:
            self.members.remove(subscriber)
            if not self.members:
                self._dissolve(self)
