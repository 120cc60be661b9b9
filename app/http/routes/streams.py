"""The SSE streams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

from quart import Quart, Response, request
from werkzeug.datastructures import Headers

from ...errors import UnavailableError
from ...live import events
from ...live.detach import EXTENSION, SocketOffer
from ...models import Channel
from ...service import Service
from .. import parameters

BUSY_RETRY_MILLISECONDS = (3000, 9000)
"""How long a client waits before it comes back after a refusal, at random."""

HEADERS = Headers(
    {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-cache, no-transform",
        "X-Accel-Buffering": "no",
    }
)


def install(app: Quart, service: Service) -> None:
    """Add the routes that stream."""

    @app.get("/kpi/<code>/stream")
    async def one(code: str) -> Response:
        return await respond([parameters.channel(request, code)])

    @app.get("/stream")
    async def many() -> Response:
        return await respond(parameters.channels(request))

    async def respond(channels: list[Channel]) -> Response:
        history = parameters.history(request)
        cursors = parameters.cursors(request)
        for channel in channels:
            if service.hub.live(channel) is None:
                await service.catalogue.require(channel.code)
        offer = cast("SocketOffer | None", request.scope["extensions"].get(EXTENSION))
        body = b"" if request.method == "HEAD" else stream(channels, cursors, history, offer)
        response = Response(body, 200, HEADERS.copy())
        response.timeout = None  # a stream's life is the hub's to end
        return response

    async def stream(
        channels: list[Channel], cursors: list[str], history: int, offer: SocketOffer | None
    ) -> AsyncIterator[bytes]:
        try:
            async with service.hub.subscribe(channels, cursors, history) as subscription:
                yield subscription.preamble
                if offer is None:
                    async for payload in subscription.queue:
                        yield payload.plain
                else:
                    # If so the socket is the channel's, and what is written here goes nowhere.
                    await offer.detach(subscription)
        except UnavailableError as error:
            # An EventSource gives up for good on any other status than 200: say when to come back.
            yield events.retry(BUSY_RETRY_MILLISECONDS) + f": {error.public}\n\n".encode()
