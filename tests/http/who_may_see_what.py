"""Routes, and which credential opens which route."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tests.access.signing import sign
from tests.http.credentials import (
    Bring,
    bearer,
    cookie_as_bearer,
    forged,
    headers,
    in_url,
    of_screen,
    of_session,
    of_ticket,
    ticket_as_bearer,
    ticket_as_cookie,
    unsigned,
)

ROUTES = {
    "page": ("GET", "/"),
    "board page": ("GET", "/b/lobby"),
    "sign-in": ("GET", "/sign-in"),
    "asset": ("GET", "/web/main.js"),
    "alive": ("GET", "/livez"),
    "ready": ("GET", "/readyz"),
    "description": ("GET", "/openapi.json"),
    "docs": ("GET", "/docs"),
    "catalogue": ("GET", "/kpi"),
    "snapshot": ("GET", "/kpi/sales"),
    "hour": ("GET", "/kpi/sales?period=hour"),
    "so far": ("GET", "/kpi/sales?partial=1"),
    "past": ("GET", "/kpi/sales?end=2026-05-04T11:59:00Z"),
    "stream": ("HEAD", "/kpi/sales/stream"),
    "many": ("HEAD", "/stream?channel=sales:minute"),
    "other": ("GET", "/kpi/stock"),
    "other's past": ("GET", "/kpi/stock?end=2026-05-04T11:59:00Z"),
    "other stream": ("HEAD", "/kpi/stock/stream"),
    "below a prefix": ("GET", "/kpi/plant1.oee"),
    "mixed": ("HEAD", "/stream?channel=sales:minute&channel=stock:minute"),
    "unknown": ("GET", "/kpi/unheard_of"),
    "metrics": ("GET", "/metrics"),
    "write": ("POST", "/kpi/sales/values"),
    "write many": ("POST", "/values"),
    "boards": ("GET", "/boards"),
    "board": ("GET", "/boards/lobby"),
    "versions": ("GET", "/boards/lobby/versions"),
    "board stream": ("HEAD", "/stream?channel=sales:minute&board=lobby"),
    "put board": ("PUT", "/boards/lobby"),
    "delete board": ("DELETE", "/boards/lobby"),
    "session": ("POST", "/session"),
    "ticket": ("POST", "/ticket"),
    "sign out": ("DELETE", "/session"),
}
SENT: dict[str, dict[str, Any]] = {
    "write": {"content": "value,kpi_code\n1,sales"},
    "write many": {"content": "value,kpi_code\n1,sales"},
    "put board": {
        "json": {"name": "Lobby", "definition": {"tiles": []}},
        "headers": {"If-None-Match": "*"},
    },
    "delete board": {"headers": {"If-Match": '"1"'}},
}
"""What a request needs besides, so that whoever may does it."""

OPEN = dict.fromkeys(
    ("page", "board page", "sign-in", "asset", "alive", "ready", "description", "docs"), 200
)
NOBODY = OPEN | dict.fromkeys(ROUTES.keys() - OPEN.keys(), 401)
SALES = OPEN | {
    "catalogue": 200,
    "snapshot": 200,
    "hour": 200,
    "so far": 200,
    "past": 200,
    "stream": 200,
    "many": 200,
    "other": 403,
    "other's past": 403,
    "other stream": 403,
    "below a prefix": 403,
    "mixed": 403,
    "unknown": 403,
    "metrics": 403,
    "write": 403,
    "write many": 403,
    "boards": 200,
    "board": 404,
    "versions": 200,
    "board stream": 200,
    "put board": 403,
    "delete board": 403,
    "session": 200,
    "ticket": 201,
    "sign out": 204,
}
NOTHING = SALES | dict.fromkeys(
    ("snapshot", "hour", "so far", "past", "stream", "many", "board stream"), 403
)
STOCK = NOTHING | dict.fromkeys(("other", "other's past", "other stream"), 200)
EVERY = SALES | {
    "other": 200,
    "other's past": 200,
    "other stream": 200,
    "below a prefix": 200,
    "mixed": 200,
    "unknown": 404,
}
NO_BOARD = dict.fromkeys(("board", "versions", "board stream"), 403)
LED_ON = dict.fromkeys(("page", "board page"), 303)
"""Where a page is asked for with a ticket, it is shown without it."""

CREDENTIALS: dict[str, tuple[Bring, Mapping[str, int]]] = {
    "none": (headers(dict), NOBODY),
    "empty": (headers(lambda: {"Authorization": "Bearer"}), NOBODY),
    "garbage": (headers(lambda: bearer("a.b.c")), NOBODY),
    "long": (headers(lambda: bearer("a" * 20_000)), NOBODY),
    "basic": (headers(lambda: {"Authorization": "Basic YTpi"}), NOBODY),
    "wrong key": (headers(lambda: bearer(sign(key="x" * 40))), NOBODY),
    "wrong algorithm": (headers(lambda: bearer(sign(algorithm="HS512"))), NOBODY),
    "no algorithm": (headers(lambda: bearer(unsigned())), NOBODY),
    "claims changed": (headers(lambda: bearer(forged())), NOBODY),
    "critical extension": (
        headers(lambda: bearer(sign(headers={"crit": ["x"], "x": 1}))),
        NOBODY,
    ),
    "expired": (headers(lambda: bearer(sign(exp=int(time.time()) - 1))), NOBODY),
    "never expires": (headers(lambda: bearer(sign(exp=None))), NOBODY),
    "not yet": (headers(lambda: bearer(sign(nbf=int(time.time()) + 60))), NOBODY),
    "other audience": (headers(lambda: bearer(sign(aud="others"))), NOBODY),
    "no audience": (headers(lambda: bearer(sign(aud=None))), NOBODY),
    "other issuer": (headers(lambda: bearer(sign(iss="https://evil.example"))), NOBODY),
    "no issuer": (headers(lambda: bearer(sign(iss=None))), NOBODY),
    "malformed claim": (headers(lambda: bearer(sign({"kpis": "sales"}))), NOBODY),
    "odd pattern": (headers(lambda: bearer(sign({"kpis": ["sal*"]}))), NOBODY),
    "good": (headers(lambda: bearer(sign())), SALES),
    "scheme in small letters": (headers(lambda: {"Authorization": f"bearer {sign()}"}), SALES),
    "no claim": (
        headers(lambda: bearer(sign(None))),
        NOTHING | NO_BOARD,
    ),
    "other KPIs": (headers(lambda: bearer(sign({"kpis": ["stock"]}))), STOCK),
    "prefix without dot": (headers(lambda: bearer(sign({"kpis": ["sales.*"]}))), NOTHING),
    "prefix": (
        headers(lambda: bearer(sign({"kpis": ["plant1.*"]}))),
        NOTHING | {"below a prefix": 200},
    ),
    "every KPI": (headers(lambda: bearer(sign({"kpis": ["*"]}))), EVERY),
    "one period": (
        headers(lambda: bearer(sign({"kpis": ["sales"], "periods": ["minute"]}))),
        SALES | {"hour": 403},
    ),
    "metrics": (
        headers(lambda: bearer(sign({"kpis": ["sales"], "metrics": True}))),
        SALES | {"metrics": 200},
    ),
    "one board": (
        headers(lambda: bearer(sign({"kpis": ["sales"], "boards": ["hall"]}))),
        SALES | NO_BOARD,
    ),
    "no board": (
        headers(lambda: bearer(sign({"kpis": ["sales"], "boards": []}))),
        SALES | NO_BOARD,
    ),
    "board writer": (
        headers(lambda: bearer(sign({"kpis": ["sales"], "boards": "write"}))),
        SALES | {"put board": 200, "delete board": 204},
    ),
    "writer": (
        headers(lambda: bearer(sign({"kpis": ["sales"], "write": ["sales"]}))),
        SALES | {"write": 200, "write many": 200},
    ),
    "writer of others": (
        headers(lambda: bearer(sign({"kpis": ["sales"], "write": ["stock"]}))),
        SALES,
    ),
    "cookie": (of_session(), SALES),
    "cookie after signing out": (of_session(closed=True), NOBODY),
    "cookie as a token": (cookie_as_bearer, NOBODY),
    "cookie of another key": (
        headers(lambda: {"Cookie": f"kpi_session={sign()}"}),
        NOBODY,
    ),
    "cookie on another site's page": (
        of_session(site="Sec-Fetch-Site", value="cross-site"),
        NOBODY,
    ),
    "cookie on a sister's page": (of_session(site="Sec-Fetch-Site", value="same-site"), NOBODY),
    "cookie by its origin": (of_session(site="Origin", value="https://evil.example"), NOBODY),
    "cookie of our own page": (of_session(site="Sec-Fetch-Site", value="same-origin"), SALES),
    "ticket": (of_ticket(), SALES | LED_ON),
    "ticket twice": (of_ticket(used=True), NOBODY | LED_ON),
    "ticket on another site's page": (of_ticket(site="cross-site"), SALES | LED_ON),
    "ticket as a token": (ticket_as_bearer, NOBODY),
    "ticket as a cookie": (ticket_as_cookie, NOBODY),
    "token as a ticket": (in_url("ticket"), NOBODY | LED_ON),
    "token in the URL": (in_url("token"), NOBODY),
    "access_token in the URL": (in_url("access_token"), NOBODY),
    "screen": (of_screen(), SALES | NO_BOARD),
    "screen's cookie": (of_screen(by_cookie=True), SALES | NO_BOARD),
    "revoked screen": (of_screen(revoked=True), NOBODY),
    "revoked screen's cookie": (of_screen(revoked=True, by_cookie=True), NOBODY),
}
