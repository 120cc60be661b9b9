"""Turns a request into a caller: the one place where headers, cookies and tickets are looked at."""

from __future__ import annotations

import re
from contextlib import suppress
from urllib.parse import quote, urlencode

from quart import Quart, Request, Response, g, request

from ..access.access import Credentials, Issued, TokenAccess
from ..access.caller import Caller
from ..errors import KpiStreamError, NoValuesError, UnauthorizedError
from ..models import Channel
from ..service import Service
from .client_address import TrustedProxies
from .direct import request_itself
from .prefix import ClientPrefix

PUBLIC = frozenset(
    {"index", "file", "sign_in", "docs", "openapi", "alive", "ready", "board_page", "web"}
)
"""The endpoints that show nothing of anybody's; every other one needs a caller."""

PAGES = frozenset({"index", "board_page"})
"""Those that a ticket may be brought to, as `/?ticket=…`."""

COOKIE = "kpi_session"
SECURE_COOKIE = "__Host-kpi_session"
"""Over TLS: browsers take it from this very host alone (RFC 6265bis, 4.1.3.2)."""

READS = frozenset({"GET", "HEAD", "OPTIONS"})
_LONG_LIVED = frozenset({"token", "access_token", "jwt"})


def install(app: Quart, service: Service) -> None:
    """Ask of every request of `app` whom it is of, unless what it asks for is public."""
    access = service.access
    proxies = TrustedProxies.of(service.settings)
    prefix = ClientPrefix(service.settings)

    @app.before_request
    async def identify() -> Response | None:
        endpoint = request.endpoint
        if request.method == "OPTIONS" or endpoint is None:
            return None
        if endpoint in PUBLIC:
            if isinstance(access, TokenAccess) and endpoint in PAGES and "ticket" in request.args:
                return await _enter(access)
            return None
        asked = request_itself()
        _refuse_tokens(asked)
        found = Credentials()
        if access.jwt or asked.method not in READS:
            found = credentials(asked, proxies, prefix.of(asked))
        g.caller = await access.identify(found)
        if (
            isinstance(access, TokenAccess)
            and found.ticket is not None
            and found.bearer is None
            and not found.foreign  # its cookie would count for nothing
        ):
            g.session = await access.open_session(g.caller)
        return None

    @app.after_request
    async def complete(response: Response) -> Response:
        if access.jwt:
            if "Vary" in response.headers:
                response.vary.update(("Authorization", "Cookie"))
            else:
                response.headers["Vary"] = "Authorization, Cookie"
            session: Issued | None = g.get("session")
            if session is not None:
                secure = is_secure(request, proxies)
                set_cookie(response, session, prefix.of(request), secure=secure)
        return response


def caller() -> Caller:
    """Return whom the request under way is of."""
    found: Caller = g.caller
    return found


async def require_channel(service: Service, channel: Channel) -> None:
    """Raise UnknownKpiError or NoValuesError; why there are none may name KPIs of others."""
    try:
        await service.catalogue.require_channel(channel)
    except NoValuesError as error:
        if caller().grants.read.every:
            raise
        told = f"{channel} has no values; the server's log says why"
        raise NoValuesError(str(error), public=told) from error


def credentials(request: Request, proxies: TrustedProxies, below: str) -> Credentials:
    """Return what a request brings to the server below a path."""
    return Credentials(
        bearer=bearer(request),
        cookie=session_cookie(request, proxies, below),
        ticket=request.args.get("ticket") or None,
        foreign=is_foreign(request),
        writes=request.method not in READS,
    )


def _refuse_tokens(request: Request) -> None:
    """Raise UnauthorizedError for a token in a URL."""
    if not _LONG_LIVED.isdisjoint(request.args):
        raise UnauthorizedError(
            "a token does not belong in a URL, where it is kept and seen; POST /ticket with it"
        )


def bearer(request: Request) -> str | None:
    """Return the token of the header `Authorization`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def session_cookie(request: Request, proxies: TrustedProxies, below: str) -> str | None:
    """Return the value of the session's cookie.

    Over TLS none but the one that this very host has set: any subdomain of its domain can set one
    of the other name, and so have people work in a session that is not theirs.
    """
    cookies = request.cookies
    found = cookies.get(secure_cookie(below))
    if found is None and COOKIE in cookies and not is_secure(request, proxies):
        found = cookies[COOKIE]
    return found or None


def is_secure(request: Request, proxies: TrustedProxies) -> bool:
    """Tell whether the client came over TLS."""
    return proxies.client(request.scope).scheme == "https"


def secure_cookie(below: str) -> str:
    """Return the session cookie's name over TLS, of the path's own where servers share a host.

    A cookie for a path alone cannot be of the kind that no other host can set.
    """
    suffix = re.sub("[^A-Za-z0-9]+", "-", below).strip("-")
    return f"{SECURE_COOKIE}-{suffix}" if suffix else SECURE_COOKIE


def set_cookie(response: Response, session: Issued, below: str, *, secure: bool) -> None:
    """Let the browser bring the session from now on; `""` as its token lets it forget it."""
    response.set_cookie(
        secure_cookie(below) if secure else COOKIE,
        session.token,
        expires=int(session.expires),
        path="/" if secure else below or "/",
        secure=secure,
        httponly=True,
        samesite="Lax",
    )


def is_foreign(request: Request) -> bool:
    """Tell whether a page of another site made a request (Fetch Metadata; RFC 6454 before it)."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    _, schemed, host = origin.partition("://")
    return not schemed or host != request.headers.get("Host")


async def _enter(access: TokenAccess) -> Response:
    """Exchange the ticket of a page's URL for the cookie, and show the page without it.

    Where the ticket is not good the page is shown as well, and says so.
    """
    with suppress(KpiStreamError):
        g.session = await access.open_session(await access.redeem(request.args["ticket"]))
    rest = [(k, v) for k, v in request.args.items(multi=True) if k != "ticket"]
    page = "./" + quote(request.path.rpartition("/")[2])
    response = Response(b"", 303, {"Location": page + ("?" + urlencode(rest) if rest else "")})
    response.headers["Cache-Control"] = "no-store"
    return response
