"""What holds for every request and response: known hosts, other sites, browsers' policies."""

from __future__ import annotations

from quart import Quart, Response, request

from ..errors import MisdirectedError
from ..origins import EVERY, host_of, is_address, parse_host, parse_hosts, parse_origins
from ..settings import Settings

EXPOSED = "Date, ETag, Retry-After"
REQUEST_HEADERS = (
    "Authorization, Cache-Control, Content-Type, If-Match, If-None-Match, Last-Event-ID"
)
PREFLIGHT_SECONDS = "600"

_NOT_A_NAME = ("", "0.0.0.0", "::")  # noqa: S104


def install(app: Quart, settings: Settings) -> None:
    """Check the requests of `app` and complete its responses."""
    _check_hosts(app, settings)
    _say_policies(app, settings)
    _share(app, parse_origins(settings.allowed_origins))


def _check_hosts(app: Quart, settings: Settings) -> None:
    """Refuse names that the operator has not given (DNS rebinding).

    Another site's name server can let its name lead here, and its page would then be of the same
    origin. It cannot do that with an address, nor with a name that is this machine's.
    """
    allowed = parse_hosts(settings.allowed_hosts) | {"localhost"}
    if settings.address.host not in _NOT_A_NAME:
        allowed |= {parse_host(settings.address.host)}
    if EVERY in allowed:
        return
    known: set[str] = set()

    @app.before_request
    async def check() -> None:
        header = request.headers.get("Host", "")
        if header in known or not header:  # HTTP/1.0 can do without, a browser cannot
            return
        try:
            host = host_of(header)
        except ValueError:
            raise MisdirectedError("the Host header is no host") from None
        if host not in allowed and not host.endswith(".localhost") and not is_address(host):
            raise MisdirectedError(
                f"this server does not answer to {host[:255]}; KPI_ALLOWED_HOSTS has to name it"
            )
        if len(known) < 100:
            known.add(header)


def page_policy(settings: Settings, scripts: str = "'self'") -> str:
    """Return what a page of ours may do and who may frame it (CSP 3)."""
    frames = sorted(parse_origins(settings.allowed_frames))
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {scripts}",
            "worker-src 'self'",
            "style-src 'self'",
            # A picture of a tile is drawn from an SVG that the page makes.
            "img-src 'self' data:",
            "font-src 'self'",
            "manifest-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            " ".join(["frame-ancestors 'self'", *frames]),
        ]
    )


def _say_policies(app: Quart, settings: Settings) -> None:
    """Tell browsers what a page of ours may do, who may frame it, and to guess no types."""
    page = page_policy(settings)

    @app.after_request
    async def say(response: Response) -> Response:
        response.headers.add("X-Content-Type-Options", "nosniff")
        if response.mimetype == "text/html":
            response.headers.setdefault("Content-Security-Policy", page)
            # What a URL carries is nobody else's business.
            response.headers["Referrer-Policy"] = "no-referrer"
        return response


def _share(app: Quart, allowed: frozenset[str]) -> None:
    """Let the pages of allowed origins read, as the embedded tile does (Fetch, 3.3)."""
    if not allowed:
        return

    @app.after_request
    async def allow(response: Response) -> Response:
        origin = request.headers.get("Origin")
        response.vary.add("Origin")
        if origin is None or not (EVERY in allowed or origin in allowed):
            return response
        response.headers["Access-Control-Allow-Origin"] = origin
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "GET")
            response.headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
            response.headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
        else:
            response.headers["Access-Control-Expose-Headers"] = EXPOSED
        return response
