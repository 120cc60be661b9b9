"""Routes, credentials, and which credential opens which route."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
from pydantic import SecretStr

from app.access.screens import screen_grants, screen_link
from app.data.token_store import TokenStore
from tests.access.signing import AUDIENCE, ISSUER, SECRET, sign
from tests.running import Gateway

JWT = {
    "auth": "jwt",
    "jwt_key": SecretStr(SECRET),
    "jwt_issuer": ISSUER,
    "jwt_audience": AUDIENCE,
}

ROUTES = {
    "page": ("GET", "/"),
    "sign-in": ("GET", "/sign-in"),
    "asset": ("GET", "/web/main.js"),
    "alive": ("GET", "/livez"),
    "description": ("GET", "/openapi.json"),
    "docs": ("GET", "/docs"),
    "catalogue": ("GET", "/kpi"),
    "snapshot": ("GET", "/kpi/sales"),
    "hour": ("GET", "/kpi/sales?period=hour"),
    "stream": ("HEAD", "/kpi/sales/stream"),
    "many": ("HEAD", "/stream?channel=sales:minute"),
    "other": ("GET", "/kpi/stock"),
    "mixed": ("HEAD", "/stream?channel=sales:minute&channel=stock:minute"),
    "unknown": ("GET", "/kpi/unheard_of"),
    "metrics": ("GET", "/metrics"),
    "write": ("POST", "/kpi/sales/values"),
    "boards": ("GET", "/boards"),
    "board": ("GET", "/boards/lobby"),
    "versions": ("GET", "/boards/lobby/versions"),
    "board stream": ("HEAD", "/stream?channel=sales:minute&board=lobby"),
    "put board": ("PUT", "/boards/lobby"),
    "delete board": ("DELETE", "/boards/lobby"),
    "session": ("POST", "/session"),
    "ticket": ("POST", "/ticket"),
}
OPEN = dict.fromkeys(("page", "sign-in", "asset", "alive", "description", "docs"), 200)
NOBODY = OPEN | dict.fromkeys(ROUTES.keys() - OPEN.keys(), 401)
SALES = OPEN | {
    "catalogue": 200,
    "snapshot": 200,
    "hour": 200,
    "stream": 200,
    "many": 200,
    "other": 403,
    "mixed": 403,
    "unknown": 403,
    "metrics": 403,
    "write": 403,
    "boards": 200,
    "board": 404,
    "versions": 200,
    "board stream": 200,
    "put board": 403,
    "delete board": 403,
    "session": 200,
    "ticket": 201,
}
NOTHING = SALES | {"snapshot": 403, "hour": 403, "stream": 403, "many": 403, "board stream": 403}
STOCK = NOTHING | {"other": 200}
EVERY = SALES | {"other": 200, "mixed": 200, "unknown": 404}

Headers = Mapping[str, str]


async def ask(gateway: Gateway, method: str, target: str, headers: Headers) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        return await client.request(method, target, headers=headers)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def unsigned() -> str:
    parts = sign().split(".")
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode())
    return f"{head.rstrip(b'=').decode()}.{parts[1]}."


def forged() -> str:
    """Return a good token whose claims were changed after it was signed."""
    head, _, signature = sign().split(".")
    return ".".join((head, sign({"kpis": ["*"]}).split(".")[1], signature))


async def cookie(gateway: Gateway, grants: Any) -> dict[str, str]:
    answer = await ask(gateway, "POST", "/session", bearer(sign(grants)))
    assert answer.status_code == 200
    return {"Cookie": f"kpi_session={answer.cookies['kpi_session']}"}


async def ticket(gateway: Gateway, grants: Any) -> str:
    answer = await ask(gateway, "POST", "/ticket", bearer(sign(grants)))
    assert answer.status_code == 201
    return str(answer.json()["ticket"])


async def screen(gateway: Gateway, name: str) -> str:
    settings = gateway.service.settings
    grants = screen_grants(["sales"], [], None)
    store = TokenStore(gateway.database)
    link = await screen_link(settings, store, name, grants, "1d", "http://kpi.example")
    assert link.startswith("http://kpi.example/sign-in?wall=#")
    return link.partition("#")[2]


async def revoked_screen(gateway: Gateway) -> dict[str, str]:
    token = await screen(gateway, "hall")
    assert await TokenStore(gateway.database).revoke_screens("hall") == 1
    return bearer(token)


Bring = Callable[[Gateway], Awaitable[Headers]]


def headers(make: Callable[[], Headers]) -> Bring:
    async def bring(_: Gateway) -> Headers:
        return make()

    return bring


def foreign(site: str, **more: str) -> Bring:
    async def bring(gateway: Gateway) -> Headers:
        return {**await cookie(gateway, {"kpis": ["sales"]}), site: more["value"]}

    return bring


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
        NOTHING | {"board": 403, "versions": 403},
    ),
    "other KPIs": (headers(lambda: bearer(sign({"kpis": ["stock"]}))), STOCK),
    "prefix without dot": (headers(lambda: bearer(sign({"kpis": ["sales.*"]}))), NOTHING),
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
        SALES | {"board": 403, "versions": 403, "board stream": 403},
    ),
    "no board": (
        headers(lambda: bearer(sign({"kpis": ["sales"], "boards": []}))),
        SALES | {"board": 403, "versions": 403, "board stream": 403},
    ),
    "board writer": (
        headers(lambda: bearer(sign({"kpis": ["sales"], "boards": "write"}))),
        SALES | {"put board": 422, "delete board": 428},
    ),
    "writer": (
        headers(lambda: bearer(sign({"kpis": ["sales"], "write": ["sales"]}))),
        SALES | {"write": 422},  # may write, but sent no rows
    ),
    "cookie": (lambda gateway: cookie(gateway, {"kpis": ["sales"]}), SALES),
    "cookie of another key": (
        headers(lambda: {"Cookie": f"kpi_session={sign()}"}),
        NOBODY,
    ),
    "cookie on another site's page": (foreign("Sec-Fetch-Site", value="cross-site"), NOBODY),
    "cookie on a sister's page": (foreign("Sec-Fetch-Site", value="same-site"), NOBODY),
    "cookie by its origin": (foreign("Origin", value="https://evil.example"), NOBODY),
    "cookie of our own page": (foreign("Sec-Fetch-Site", value="same-origin"), SALES),
    "revoked screen": (revoked_screen, NOBODY),
}
