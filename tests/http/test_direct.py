"""The short way through Quart: the same answers, in one task, and cancelled with the client."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
import quart
from quart import Quart, Response, request
from quart.asgi import ASGIHTTPConnection

from app.http.direct import DirectHTTPConnection
from app.live.detach import EXTENSION

SCOPE: Mapping[str, Any] = {
    "type": "http",
    "asgi": {},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/echo/a",
    "raw_path": b"/echo/a",
    "query_string": b"b=c&b=d",
    "root_path": "",
    "headers": [(b"host", b"example.org"), (b"x-one", b"1"), (b"x-one", b"2")],
    "client": ("192.0.2.1", 50_000),
    "server": ("192.0.2.2", 80),
}
OFFERED = {EXTENSION: object()}


class Exchange:
    """One request to an app, and what it sends."""

    def __init__(self, app: Quart, extensions: Mapping[str, object], **scope: Any) -> None:
        self._app = app
        self._scope: Any = {**SCOPE, "extensions": dict(extensions), **scope}
        self.sent: list[Any] = []
        self.received = 0
        self.gone = asyncio.Event()

    async def run(self) -> None:
        await self._app(self._scope, self._receive, self._send)

    async def _receive(self) -> Any:
        self.received += 1
        if self.received == 1:
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


@pytest.fixture
def app() -> Quart:
    app = Quart("tests.http")
    app.asgi_http_class = DirectHTTPConnection

    @app.get("/echo/<word>")
    async def echo(word: str) -> dict[str, Any]:
        return {
            "word": word,
            "b": request.args.getlist("b"),
            "one": request.headers.getlist("X-One"),
            "host": request.host,
            "client": request.remote_addr,
            "url": request.url,
            "body": await request.get_data(as_text=True),
        }

    @app.get("/tasks")
    async def tasks() -> str:
        return str(len(asyncio.all_tasks()))

    return app


@pytest.mark.parametrize(
    "scope",
    [
        {},
        {"http_version": "1.0", "headers": []},
        {"path": "http://example.org/echo/a"},
        {"path": "/echo/ä ö"},
        {"path": "/nothing/here"},
        {"client": None},
    ],
    ids=["plain", "http-1.0", "absolute-form", "not-ascii", "not-found", "no-address"],
)
async def test_it_answers_as_quart_does(app: Quart, scope: dict[str, Any]) -> None:
    ways = Exchange(app, OFFERED, **scope), Exchange(app, {}, **scope)
    for way in ways:
        await way.run()
    assert ways[0].sent == ways[1].sent
    assert ways[0].sent


async def test_an_offered_request_is_answered_in_one_task(app: Quart) -> None:
    direct, ordinary = Exchange(app, OFFERED, path="/tasks"), Exchange(app, {}, path="/tasks")
    before = len(asyncio.all_tasks())
    await direct.run()
    await ordinary.run()
    assert (int(direct.body), direct.received) == (before, 0)
    assert int(ordinary.body) > before


async def test_cancelling_an_offered_request_ends_its_handler(app: Quart) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            began.set()
            await asyncio.sleep(60)
        finally:
            ended.set()

    @app.get("/stream")
    async def stream() -> Response:
        return Response(body())

    exchange = Exchange(app, OFFERED, path="/stream")
    answering = asyncio.create_task(exchange.run())
    await began.wait()
    answering.cancel()
    with suppress(asyncio.CancelledError):
        await answering
    assert ended.is_set()
    assert exchange.body == b"first"


def test_what_is_relied_on_in_quart() -> None:
    """A release that changes one of these fails here, by name."""
    assert Quart.asgi_http_class is ASGIHTTPConnection
    assert list(inspect.signature(ASGIHTTPConnection).parameters) == ["app", "scope"]
    handle = inspect.signature(ASGIHTTPConnection.handle_request)
    assert list(handle.parameters) == ["self", "request", "send"]
    asked = list(inspect.signature(quart.Request).parameters)
    assert asked[:8] == [
        "method",
        "scheme",
        "path",
        "query_string",
        "headers",
        "root_path",
        "http_version",
        "scope",
    ]
    assert "send_push_promise" in asked
