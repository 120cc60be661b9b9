"""The SSE streams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

from quart import Quart, Response, request

from ...access.caller import Right
from ...errors import UnavailableError
from ...live.detach import EXTENSION, SocketOffer
from ...live.permits import Permit
from ...live.series import SCREENFUL
from ...models import Channel
from ...service import Service
from .. import auth, parameters
from ..streaming import HEADERS, STREAM, refusal
from ..trouble_log import TroubleLog


def install(app: Quart, service: Service, trouble: TroubleLog) -> None:
    """Add the routes that stream."""

    @app.get("/kpi/<code>/stream", endpoint=f"{STREAM}one")
    async def one(code: str) -> Response:
        return await respond([parameters.channel(request, code)])

    @app.get("/stream", endpoint=f"{STREAM}many")
    async def many() -> Response:
        return await respond(parameters.channels(request))

    async def respond(channels: list[Channel]) -> Response:
        history = parameters.history(request, most=SCREENFUL)
        cursors = parameters.cursors(request)
        caller = auth.caller()
        caller.require(Right.SEE, channels)
        for channel in channels:
            if service.hub.live(channel) is None:
                await service.catalogue.require(channel.code)
        offer = cast("SocketOffer | None", request.scope["extensions"].get(EXTENSION))
        permit = service.access.permit(caller)
        body = (
            b"" if request.method == "HEAD" else stream(channels, cursors, history, offer, permit)
        )
        response = Response(body, 200, HEADERS.copy())
        if request.method == "HEAD":
            del response.headers["Content-Length"]  # a stream has none
        response.timeout = None  # a stream's life is the hub's to end
        return response

    async def stream(
        channels: list[Channel],
        cursors: list[str],
        history: int,
        offer: SocketOffer | None,
        permit: Permit | None,
    ) -> AsyncIterator[bytes]:
        try:
            async with service.hub.subscribe(channels, cursors, history, permit) as subscription:
                yield subscription.preamble
                if offer is None:
                    async for payload in subscription.queue:
                        yield payload.plain
                else:
                    # If so the socket is the channel's, and what is written here goes nowhere.
                    await offer.detach(subscription)
        except UnavailableError as error:
            trouble.note(error)
            yield refusal(error)
