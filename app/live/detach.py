"""The offer a server makes to a stream: take the socket, and leave the web framework behind."""

from __future__ import annotations

from typing import Protocol

from .fanout import Subscription

EXTENSION = "kpi_stream.detach"
"""The key in an ASGI scope's `extensions` under which a SocketOffer may be found."""


class SocketOffer(Protocol):
    """The socket under one HTTP/1.x response whose head and first blocks have been sent.

    A request with an offer is answered in the task that it is called in: when its client is gone
    that task is cancelled.
    """

    async def detach(self, subscription: Subscription) -> bool:
        """Let the group write to the socket itself from now on.

        True: the subscription belongs to the socket, which leaves it when the client is gone. Leave
        it alone and end the response, of which nothing more is sent.

        False: nothing was changed, because the stream was closed meanwhile, the client is gone, or
        it has sent more than its request (it pipelines, and what comes after an endless answer
        could never be answered). Leave the subscription and end the response; the client may come
        back with its cursor.
        """
