"""A listener's place among those who hear the same."""

from __future__ import annotations

from collections.abc import Callable

from .audience import Audience
from .payload import Payload
from .subscriber import Mailbox, Subscriber


class Subscription:
    """One subscriber's place in an audience."""

    __slots__ = ("_audience", "_left", "_subscriber", "handed_over", "mailbox", "preamble")

    def __init__(
        self, audience: Audience, mailbox: Mailbox, preamble: bytes, left: Callable[[], None]
    ) -> None:
        self.preamble = preamble
        self.mailbox = mailbox
        self.handed_over = False
        self._audience = audience
        self._subscriber: Subscriber = mailbox
        self._left: Callable[[], None] | None = left

    @property
    def expires(self) -> float:
        """The loop time at which the stream has lived long enough."""
        return self._subscriber.expires

    @property
    def closed(self) -> bool:
        """Whether the mailbox was told to close: then there is nothing to hand over."""
        return self.mailbox.closed

    def replace(self, subscriber: Subscriber) -> list[Payload]:
        """Put another subscriber in the mailbox's place; return what the mailbox still holds.

        From then on it is the new subscriber that must `leave`.
        """
        mailbox = self.mailbox
        self.handed_over = True
        self._subscriber = subscriber
        self._audience.replace(mailbox, subscriber)
        # This lives as long as the socket does, and these two would be the most of it.
        del self.mailbox, self.preamble
        return mailbox.succeed(subscriber)

    def leave(self) -> None:
        """Listen no more; idempotent."""
        left, self._left = self._left, None
        if left is not None:
            self._audience.leave(self._subscriber)
            left()
