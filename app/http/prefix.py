"""The path below which clients reach the server, and the way from there to its own paths."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from quart import Quart, Response, g, request

from ..settings import Settings
from .client_address import TrustedProxies

_SLASHES = re.compile(r"/{2,}")
_PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[\w.~%-]+)+", re.ASCII)
_MAX_PREFIX = 1024


def install(app: Quart, settings: Settings) -> None:
    """Find out for each request of `app` below which path its client sees the server."""
    root = quote(settings.root_path)
    proxies = TrustedProxies.of(settings)

    @app.before_request
    async def find() -> None:
        stripped = ""
        if proxies.trusts_peer(request.scope):
            stripped = forwarded_prefix(request.headers.getlist("X-Forwarded-Prefix"))
        # One that passes the path on as it is may say so all the same.
        g.prefix = root if stripped == root else stripped + root


def forwarded_prefix(lines: Iterable[str]) -> str:
    """Return what proxies say that they took away, outermost first; "" where it is no path."""
    prefix = "".join(part.strip().rstrip("/") for line in lines for part in line.split(","))
    return prefix if len(prefix) <= _MAX_PREFIX and _PREFIX.fullmatch(prefix) else ""


def prefix() -> str:
    """Return the path below which the client of the request under way sees the server, encoded.

    `""` is the top, or a path that a proxy has taken away without a word.
    """
    found: str = g.get("prefix", "")
    return found


def merged(path: str) -> str:
    """Make one slash of several: proxies that replace `/kpi` by `/` leave two."""
    return _SLASHES.sub("/", path)


def below(root: str, path: str) -> str:
    """Return a path as seen from the root path; one outside of it is as it is."""
    path = merged(path)
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


def way_home(root: str, path: str) -> str:
    """Return the relative address of the dashboard for a client that asked for the path."""
    inner = _inner(root, path)
    return "../" * inner.count("/")


def redirect_to_own_address(root: str) -> Response | None:
    """Lead a page's client on from `/docs/` to `/docs`, where its relative addresses are right."""
    path = request.scope["path"]
    inner = _inner(root, path)
    own = merged(inner).rstrip("/")
    if inner == own:
        return None
    query = request.query_string.decode()
    location = way_home(root, path) + quote(own) + (f"?{query}" if query else "")
    return Response(b"", 308, {"Location": location, "Cache-Control": "no-cache"})


def _inner(root: str, path: str) -> str:
    """Return what a client has after the dashboard's address, its doubled slashes included."""
    if not path.startswith("/"):  # the absolute form
        path = "/" + path.partition("://")[2].partition("/")[2]
    parts = [re.escape(part) for part in root.split("/") if part]
    taken = re.match("/+" + "/+".join(parts) + "(?=/)", path) if parts else None
    return path[taken.end() if taken else 0 :].lstrip("/")
