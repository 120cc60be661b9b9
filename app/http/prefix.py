"""The path below which clients reach the server, and the way from there to its own paths."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from quart import Request, Response, request

from ..settings import Settings
from .client_address import TrustedProxies

_SLASHES = re.compile(r"/{2,}")
_PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[\w.~%-]+)+", re.ASCII)
_MAX_PREFIX = 1024


class ClientPrefix:
    """Knows below which path the client of a request sees the server."""

    def __init__(self, settings: Settings) -> None:
        self._root = quote(settings.root_path)
        self._proxies = TrustedProxies.of(settings)

    def of(self, request: Request) -> str:
        """Return that path, encoded.

        `""` is the top, or a path that a proxy has taken away without a word.
        """
        stripped = ""
        if self._proxies.trusts_peer(request.scope):
            stripped = forwarded_prefix(request.headers.getlist("X-Forwarded-Prefix"))
        # One that passes the path on as it is may say so all the same.
        return self._root if stripped == self._root else stripped + self._root


def forwarded_prefix(lines: Iterable[str]) -> str:
    """Return what proxies say that they took away, outermost first; "" where it is no path."""
    prefix = "".join(part.strip().rstrip("/") for line in lines for part in line.split(","))
    return prefix if len(prefix) <= _MAX_PREFIX and _PREFIX.fullmatch(prefix) else ""


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


def split_target(target: str) -> tuple[str | None, str]:
    """Return the host that a request's target names, or None, and its path.

    It names one in the absolute form, as a proxy gets it (RFC 9112, 3.2.2).
    """
    _, absolute, rest = target.partition("://")
    if target.startswith("/") or not absolute:
        return None, target
    host, _, path = rest.partition("/")
    return host, f"/{path}"


def _inner(root: str, path: str) -> str:
    """Return what a client has after the dashboard's address, its doubled slashes included."""
    path = split_target(path)[1]
    parts = [re.escape(part) for part in root.split("/") if part]
    taken = re.match("/+" + "/+".join(parts) + "(?=/)", path) if parts else None
    return path[taken.end() if taken else 0 :].lstrip("/")
