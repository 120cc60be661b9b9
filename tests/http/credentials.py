"""Credentials of all kinds, good and bad."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

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

Headers = Mapping[str, str]


class Brought(NamedTuple):
    """What a request brings to say who it is of."""

    headers: Headers
    query: str = ""


async def ask(gateway: Gateway, method: str, target: str, headers: Headers) -> httpx.Response:
    # To read the system's certificates for each client takes longer than to ask.
    url = f"http://127.0.0.1:{gateway.port}"
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with httpx.AsyncClient(base_url=url, verify=trusted) as client:
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


Bring = Callable[[Gateway], Awaitable[Brought]]
"""Called for each request anew."""


def headers(make: Callable[[], Headers]) -> Bring:
    async def bring(_: Gateway) -> Brought:
        return Brought(make())

    return bring


def in_url(name: str) -> Bring:
    async def bring(_: Gateway) -> Brought:
        return Brought({}, f"{name}={sign()}")

    return bring


def of_session(*, site: str = "", value: str = "", closed: bool = False) -> Bring:
    async def bring(gateway: Gateway) -> Brought:
        brought = await cookie(gateway, {"kpis": ["sales"]})
        if closed:
            assert (await ask(gateway, "DELETE", "/session", brought)).status_code == 204
        return Brought(brought | ({site: value} if site else {}))

    return bring


def of_ticket(*, used: bool = False, site: str = "") -> Bring:
    async def bring(gateway: Gateway) -> Brought:
        made = await ticket(gateway, {"kpis": ["sales"]})
        if used:
            assert (await ask(gateway, "GET", f"/kpi?ticket={made}", {})).status_code == 200
        return Brought({"Sec-Fetch-Site": site} if site else {}, f"ticket={made}")

    return bring


def of_screen(*, revoked: bool = False, by_cookie: bool = False) -> Bring:
    async def bring(gateway: Gateway) -> Brought:
        brought = bearer(await screen(gateway, "hall"))
        if by_cookie:
            session = await ask(gateway, "POST", "/session", brought)
            brought = {"Cookie": f"kpi_session={session.cookies['kpi_session']}"}
        if revoked:
            assert await TokenStore(gateway.database).revoke_screens("hall") >= 1
        return Brought(brought)

    return bring


async def ticket_as_bearer(gateway: Gateway) -> Brought:
    return Brought(bearer(await ticket(gateway, {"kpis": ["sales"]})))


async def ticket_as_cookie(gateway: Gateway) -> Brought:
    return Brought({"Cookie": f"kpi_session={await ticket(gateway, {'kpis': ['sales']})}"})


async def cookie_as_bearer(gateway: Gateway) -> Brought:
    brought = await cookie(gateway, {"kpis": ["sales"]})
    return Brought(bearer(brought["Cookie"].partition("=")[2]))
