"""Signing in for a while, and tickets for what can send no header."""

from __future__ import annotations

from quart import Quart, Response, g, request
from werkzeug.exceptions import NotFound

from ...access.access import Issued, TokenAccess
from ...live import events
from ...service import Service
from .. import auth
from ..client_address import TrustedProxies
from ..prefix import ClientPrefix


def install(app: Quart, service: Service) -> None:
    """Add the routes that make sessions and tickets; with KPI_AUTH=none there are none."""
    access = service.access
    proxies = TrustedProxies.of(service.settings)
    prefix = ClientPrefix(service.settings)

    @app.post("/session")
    async def open_session() -> Response:
        caller = auth.caller()
        if isinstance(access, TokenAccess) and auth.bearer(request) is not None:
            g.session = await access.open_session(caller)
        body = {
            "subject": caller.subject,
            "expires": None if caller.expires is None else events.timestamp(int(caller.expires)),
            "grants": caller.grants.claim(),
        }
        return _json(body)

    @app.delete("/session")
    async def close_session() -> Response:
        below = prefix.of(request)
        cookie = auth.session_cookie(request, proxies, below)
        if isinstance(access, TokenAccess) and cookie is not None:
            await access.close_session(cookie)
        response = Response(b"", 204)
        for secure in (False, True):
            auth.set_cookie(response, Issued("", 0), below, secure=secure)
        return response

    @app.post("/ticket")
    async def make_ticket() -> Response:
        if not isinstance(access, TokenAccess):
            raise NotFound("there are no tickets with KPI_AUTH=none: nobody needs one")
        ticket = await access.make_ticket(auth.caller())
        response = _json({"ticket": ticket.token, "expires": events.timestamp(int(ticket.expires))})
        response.status_code = 201
        return response


def _json(body: object) -> Response:
    response = Response(events.dumps(body), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
