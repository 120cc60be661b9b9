"""Answers a request in the task that it is called in, so that cancelling that task ends it."""

from __future__ import annotations

import asyncio
import re
from inspect import signature
from typing import Any, cast
from urllib.parse import quote

from quart import Request, request
from quart.asgi import ASGIHTTPConnection
from werkzeug.datastructures import Headers

from ..live.detach import EXTENSION
from .prefix import below, merged, split_target

_PARAMETERS = signature(ASGIHTTPConnection.handle_messages).parameters

NO_HOST = "["
"""Stands for a `Host` that is none: it is refused by name like any other that is not known."""

ROOT_PATH = "KPI_ROOT_PATH"
"""Names the application's configuration value that holds the setting."""


class DirectHTTPConnection(ASGIHTTPConnection):
    """Answers a request such that cancelling it cancels its handler.

    Quart's own way makes two tasks more, which a cancellation leaves behind. One waits for a body
    and for the client to go away: a request that comes with an offer has no body, and its client is
    the server's to watch.
    """

    async def __call__(self, receive: Any, send: Any) -> None:
        """Answer one request."""
        root = self.app.config.get(ROOT_PATH, "")
        if root and merged(self.scope["path"]) == root:
            await self._redirect_below(root, send)
            return
        made = self._make_request()
        if EXTENSION in (self.scope.get("extensions") or {}):
            made.body.set_complete()
            await self.handle_request(made, send)
            return
        handling = asyncio.create_task(self.handle_request(made, send))
        # From 0.23 on Quart cancels what handles the request; before, it was told of no task.
        told = (handling,) if "request_task" in _PARAMETERS else ()
        receiving = asyncio.create_task(self.handle_messages(made, receive, *told))
        tasks = (receiving, handling)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _redirect_below(self, root: str, send: Any) -> None:
        """Send a browser to where the page's relative addresses are right, whatever the host."""
        query = self.scope["query_string"]
        name = quote(root.rpartition("/")[2])
        location = f"./{name}/".encode() + (b"?" + query if query else b"")
        headers = [(b"location", location), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 308, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _make_request(self) -> Request:
        scope = self.scope
        headers = Headers(
            [(name.decode("latin1"), value.decode("latin1")) for name, value in scope["headers"]]
        )
        headers["Remote-Addr"] = (scope["client"] or ("<local>",))[0]
        headers.setdefault("Host", "")  # HTTP/1.0 can do without
        host, path = split_target(scope["path"])
        if host is not None:
            headers["Host"] = host  # it is what counts, whatever the header says
        if not _is_routable(headers["Host"]):
            headers["Host"] = NO_HOST
        path = below(self.app.config.get(ROOT_PATH, ""), path)
        return self.app.request_class(
            scope["method"],
            scope["scheme"],
            path,
            ascii_query(scope["query_string"]),
            headers,
            scope["root_path"],
            scope["http_version"],
            scope,
            max_content_length=self.app.config["MAX_CONTENT_LENGTH"],
            body_timeout=self.app.config["BODY_TIMEOUT"],
            send_push_promise=_push_nothing,
        )


def request_itself() -> Request:
    """Return the request under way, since each look through Quart's proxy is a look-up."""
    proxy: Any = request
    return cast(Request, proxy._get_current_object())


def _is_routable(host: str) -> bool:
    """Tell whether Werkzeug's router takes a host; it raises before any error is handled."""
    try:
        host.lower().partition(":")[0].encode("idna")
    except UnicodeError:
        return False
    return True


def ascii_query(query: bytes) -> bytes:
    """Return a query string with what is not ASCII percent-encoded (RFC 3986, 2.1).

    HTTP/2 takes any bytes, and Werkzeug reads UTF-8 alone.
    """
    if query.isascii():
        return query
    return re.sub(rb"[\x80-\xff]", lambda match: b"%%%02X" % ord(match[0]), query)


async def _push_nothing(path: str, headers: Headers) -> None:
    """Push is obsolete in HTTP/2 (RFC 9113, 8.4), and HTTP/1.x knows none."""
