"""The offer a server makes to a stream: take the socket, and leave the web framework behind."""

from __future__ import annotations

from typing import Protocol

from .payload import Payload
from .subscriber import Subscriber

EXTENSION = "kpi_stream.detach"
"""The key in an ASGI scope's `extensions` under which a SocketOffer may be found."""


class Seat(Protocol):
    """A subscription as the server sees it: one seat in an audience, taken by one subscriber."""

    @property
    def expires(self) -> float:
        """The loop time at which the stream has lived long enough."""

    @property
    def closed(self) -> bool:
        """Whether the subscriber so far was told to close."""

    def replace(self, subscriber: Subscriber) -> list[Payload]:
        """Seat another subscriber at once; return what the one before had not passed on yet."""

    def leave(self) -> None:
        """Give the seat up; idempotent."""


class SocketOffer(Protocol):
    """The socket under one HTTP/1.x response whose head and first blocks have been sent.

    A request with an offer is answered in the task that it is called in: when its client is gone
    that task is cancelled.
    """

    async def detach(self, seat: Seat) -> bool:
        """Let the audience write to the socket itself from now on.

        True: the seat belongs to the socket, which leaves it when the client is gone; leave the
        seat alone and end the response, of which nothing more is sent.

        False: nothing was changed, because the stream was closed meanwhile, the client is gone, or
        it has sent more than its request (it pipelines, and what comes after an endless answer
        could never be answered). Leave the seat and end the response; the client may come back
        with its cursor.
        """
