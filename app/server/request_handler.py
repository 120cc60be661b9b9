"""How one request is answered: refused for its head, or by the app, with an offer to detach."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..http.problems import PROBLEM_HEADERS, problem_json
from ..live.detach import EXTENSION
from ..live.fanout import Subscription
from ..metrics import Metrics
from .hypercorn_contract import ASGIFramework
from .limits import Limits, Refusal, has_body, refusal
from .request_tasks import Receive, Send

_HTTP2_PIECE_BYTES = 16_384

Detach = Callable[[Subscription, bool], bool]


class RequestHandler:
    """Answers the requests of all connections of a process."""

    def __init__(self, app: ASGIFramework, limits: Limits, metrics: Metrics) -> None:
        self._app: Any = app
        self._limits = limits
        self._metrics = metrics

    async def handle(
        self,
        scope: Any,
        receive: Receive,
        send: Send,
        *,
        detach: Detach,
        cut_off: Callable[[], None],
    ) -> None:
        """Answer one request of a connection that can be asked to detach, and be cut off."""
        refused = refusal(scope, self._limits)
        if refused is not None:
            self._metrics.requests_refused += 1
            await _refuse(refused, scope, send)
        elif scope["http_version"] == "2":
            await self._app(scope, receive, self._bounded(send, cut_off))
        elif scope["method"] == "GET" and not has_body(scope):
            offer = _Offer(detach, send, chunked=scope["http_version"] == "1.1")
            scope["extensions"][EXTENSION] = offer
            try:
                await self._app(scope, receive, offer.send)
            finally:
                offer.withdraw()
                del scope["extensions"][EXTENSION]  # it refers to what holds this scope
        else:
            await self._app(scope, receive, send)

    def _bounded(self, send: Send, cut_off: Callable[[], None]) -> Send:
        """Return `send` with a limit on how long an HTTP/2 client may keep its window shut."""

        async def bounded(message: Any) -> None:
            pieces = [message]
            body = message.get("body", b"")
            if len(body) > _HTTP2_PIECE_BYTES:
                starts = range(0, len(body), _HTTP2_PIECE_BYTES)
                bodies = [body[at : at + _HTTP2_PIECE_BYTES] for at in starts]
                pieces = [{**message, "body": piece, "more_body": True} for piece in bodies[:-1]]
                pieces.append({**message, "body": bodies[-1]})
            try:
                for piece in pieces:
                    async with asyncio.timeout(self._limits.send_timeout_seconds):
                        await send(piece)
            except TimeoutError:
                cut_off()

        return bounded


async def _refuse(refused: Refusal, scope: Any, send: Send) -> None:
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    body = problem_json(refused.status, refused.detail)
    headers = [*PROBLEM_HEADERS, (b"content-length", b"%d" % len(body))]
    await send({"type": f"{kind}.start", "status": refused.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})


class _Offer:
    """The SocketOffer of one request."""

    __slots__ = ("_chunked", "_detach", "_detached", "_send")

    def __init__(self, detach: Detach, send: Send, *, chunked: bool) -> None:
        self._detach: Detach | None = detach
        self._send = send
        self._chunked = chunked
        self._detached = False

    async def detach(self, subscription: Subscription) -> bool:
        if self._detach is not None:
            self._detached = self._detach(subscription, self._chunked)
        return self._detached

    async def send(self, message: Any) -> None:
        """Pass on what the app sends, until the socket is no longer this request's."""
        if not self._detached:
            await self._send(message)

    def withdraw(self) -> None:
        """Offer nothing any more: the request has been answered."""
        self._detach = None
