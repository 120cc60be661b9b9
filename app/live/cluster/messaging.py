"""How a gateway gets a publisher's messages; without a publisher from nowhere."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from ...models import Channel
from .consumer import Consumer


class Messaging(Protocol):
    """How a gateway gets messages; while they do not flow it polls for itself."""

    @property
    def flowing(self) -> bool:
        """Whether a publisher leads and its messages arrive."""

    def subscribe(self, channel: Channel) -> None:
        """Get the messages of a channel from soon on."""

    def unsubscribe(self, channel: Channel) -> None:
        """Get them no more."""

    async def settled(self, channels: Collection[Channel]) -> None:
        """Wait, for a bounded time, until nothing is missed on these channels any more."""

    async def run(self, consumer: Consumer) -> None:
        """Hand messages to `consumer` until cancelled."""


class InProcess:
    """Messaging where there is no publisher but this process: its pollers feed its broadcasters."""

    flowing = False

    def subscribe(self, channel: Channel) -> None:
        """Do nothing."""

    def unsubscribe(self, channel: Channel) -> None:
        """Do nothing."""

    async def settled(self, channels: Collection[Channel]) -> None:
        """Return at once."""

    async def run(self, consumer: Consumer) -> None:
        """Return at once."""
