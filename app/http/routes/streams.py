"""The SSE streams."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple, cast

from quart import Quart, Request, Response

from ...access.caller import Caller, Right
from ...access.limits import Place
from ...errors import OverloadedError, UnavailableError
from ...live.detach import EXTENSION, SocketOffer
from ...live.fanout import Subscription
from ...live.series import SCREENFUL
from ...models import Channel
from ...service import Service
from .. import auth, limits, parameters
from ..direct import request_itself
from ..streaming import HEADERS, STREAM, refusal
from ..trouble_log import TroubleLog


class Wanted(NamedTuple):
    """What a stream is asked for: with `partial` also open buckets, and news of the boards."""

    channels: list[Channel]
    cursors: list[str]
    history: int
    partial: bool
    boards: list[str]


def install(app: Quart, service: Service, trouble: TroubleLog) -> None:
    """Add the routes that stream."""
    take_place = limits.make_places(service)

    @app.get("/kpi/<code>/stream", endpoint=f"{STREAM}one")
    async def one(code: str) -> Response:
        asked = request_itself()
        return await respond(asked, [parameters.channel(asked, code)])

    @app.get("/stream", endpoint=f"{STREAM}many")
    async def many() -> Response:
        asked = request_itself()
        return await respond(asked, parameters.channels(asked))

    async def respond(asked: Request, channels: list[Channel]) -> Response:
        wanted = Wanted(
            channels,
            parameters.cursors(asked),
            parameters.history(asked, most=SCREENFUL),
            parameters.partial(asked),
            parameters.boards(asked),
        )
        caller = auth.caller()
        caller.require(Right.SEE, channels)
        caller.require(Right.READ_BOARD, wanted.boards)
        for channel in channels:
            if service.hub.live(channel) is None:
                await auth.require_channel(service, channel)
        offer = cast("SocketOffer | None", asked.scope["extensions"].get(EXTENSION))
        body: bytes | AsyncIterator[bytes] = b""
        if asked.method != "HEAD":
            body = stream(wanted, offer, caller, asked.scope)
        response = Response(body, 200, HEADERS.copy())
        if asked.method == "HEAD":
            del response.headers["Content-Length"]  # a stream has none
        response.timeout = None  # a stream's life is the hub's to end
        return response

    async def stream(
        wanted: Wanted,
        offer: SocketOffer | None,
        caller: Caller,
        scope: Mapping[str, Any],
    ) -> AsyncIterator[bytes]:
        place: Place | None = None
        subscription: Subscription | None = None
        try:
            place = take_place(scope, caller)
            permit = service.access.permit(caller)
            left = None if place is None else place.release
            async with service.hub.subscribe(
                wanted.channels,
                wanted.cursors,
                wanted.history,
                permit,
                left,
                partial=wanted.partial,
                boards=wanted.boards,
            ) as subscription:
                yield subscription.preamble
                if offer is None:
                    async for payload in subscription.queue:
                        yield payload.plain
                else:
                    # If so the socket is the channel's, and what is written here goes nowhere.
                    await offer.detach(subscription)
        except UnavailableError as error:
            if isinstance(error, OverloadedError):
                service.metrics.streams_refused += 1
            trouble.note(error)
            yield refusal(error)
        finally:
            # A socket that was detached gives the place up itself, when its client is gone.
            if place is not None and (subscription is None or not subscription.detached):
                place.release()
