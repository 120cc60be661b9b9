"""A short way through Quart for the requests that come with an offer."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from quart.asgi import ASGIHTTPConnection
from werkzeug.datastructures import Headers

from ..live.detach import EXTENSION


class DirectHTTPConnection(ASGIHTTPConnection):
    """Answers a GET in the task that the server has made for it, which may be cancelled.

    Quart's own way makes two tasks more: one waits for a body, which a GET does not have (RFC 9110,
    9.3.1), and for the client to go away, which is the server's to watch where it made an offer.
    """

    async def __call__(self, receive: Any, send: Any) -> None:
        """Answer one request."""
        scope = self.scope
        if EXTENSION not in scope["extensions"]:
            await super().__call__(receive, send)
            return
        headers = Headers(
            [(name.decode("latin1"), value.decode("latin1")) for name, value in scope["headers"]]
        )
        headers["Remote-Addr"] = (scope["client"] or ("<local>",))[0]
        headers.setdefault("Host", "")  # HTTP/1.0 can do without
        path = scope["path"]
        if not path.startswith("/"):
            path = urlsplit(path).path  # the absolute form, as a proxy gets it (RFC 9112, 3.2.2)
        request = self.app.request_class(
            scope["method"],
            scope["scheme"],
            path,
            scope["query_string"],
            headers,
            scope["root_path"],
            scope["http_version"],
            scope,
            send_push_promise=_push_nothing,
        )
        request.body.set_complete()
        await self.handle_request(request, send)


async def _push_nothing(path: str, headers: Headers) -> None:
    """HTTP/1.x knows no push."""
