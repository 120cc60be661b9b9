"""Who may see what: every route with every credential, and what becomes of streams."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from app.access.screens import screen_grants, screen_link
from app.data.token_store import TokenStore
from app.http.factory import create_app
from app.settings import Settings
from tests.access.signing import AUDIENCE, ISSUER, SECRET, pairs, sign
from tests.http.conftest import NOON, write
from tests.running import Gateway, open_gateway
from tests.stream_client import open_stream

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
    "catalogue": ("GET", "/kpi"),
    "snapshot": ("GET", "/kpi/sales"),
    "hour": ("GET", "/kpi/sales?period=hour"),
    "stream": ("HEAD", "/kpi/sales/stream"),
    "many": ("HEAD", "/stream?channel=sales:minute"),
    "other": ("GET", "/kpi/stock"),
    "mixed": ("HEAD", "/stream?channel=sales:minute&channel=stock:minute"),
    "unknown": ("GET", "/kpi/unheard_of"),
    "metrics": ("GET", "/metrics"),
    "session": ("POST", "/session"),
    "ticket": ("POST", "/ticket"),
}
OPEN = {"page": 200, "sign-in": 200, "asset": 200, "alive": 200}
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
    "session": 200,
    "ticket": 201,
}
NOTHING = SALES | {"snapshot": 403, "hour": 403, "stream": 403, "many": 403}
STOCK = NOTHING | {"other": 200}
EVERY = SALES | {"other": 200, "mixed": 200, "unknown": 404}

Headers = Mapping[str, str]


@pytest.fixture
async def guarded(shadowed_settings: Settings) -> AsyncIterator[Gateway]:
    async with open_gateway(shadowed_settings.model_copy(update=JWT)) as opened:
        await opened.hand.set(NOON)
        for code in ("sales", "stock"):
            await write(opened, code, NOON - 60, 1.0)
        yield opened


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
    "no claim": (headers(lambda: bearer(sign(None))), NOTHING),
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


@pytest.mark.parametrize("name", CREDENTIALS)
async def test_who_may_see_what(name: str, guarded: Gateway) -> None:
    bring, expected = CREDENTIALS[name]
    brought = await bring(guarded)
    seen = {}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{guarded.port}") as client:
        for route, (method, target) in ROUTES.items():
            client.cookies.clear()
            answer = await client.request(method, target, headers=brought)
            seen[route] = answer.status_code
            if answer.status_code in (401, 403) and method != "HEAD":
                assert answer.headers["content-type"] == "application/problem+json"
                assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)
    assert seen == dict(expected)


def test_the_table_has_every_route(guarded: Gateway) -> None:
    """A route that is new belongs into the table, or is the same as one that is in it."""
    rules = {rule.rule for rule in create_app(guarded.service).url_map.iter_rules()}
    known = {
        "/", "/sign-in", "/web/<path:name>", "/livez", "/readyz", "/kpi", "/kpi/<code>",
        "/kpi/<code>/stream", "/stream", "/metrics", "/session", "/ticket",
    }  # fmt: skip
    assert rules == known


async def test_the_catalogue_lists_what_the_caller_may_see(guarded: Gateway) -> None:
    for grants, codes in (
        (["sales"], ["sales"]),
        (["*"], ["sales", "stock"]),
        (["nothing.*"], []),
    ):
        answer = await ask(guarded, "GET", "/kpi", bearer(sign({"kpis": grants})))
        assert [kpi["code"] for kpi in answer.json()["kpis"]] == codes
        assert {"Authorization", "Cookie"} <= set(answer.headers["vary"].split(", "))


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: pair.algorithm)
async def test_public_keys_are_for_their_own_algorithm(
    pair: Any, shadowed_settings: Settings
) -> None:
    changes = JWT | {"jwt_key": SecretStr(pair.pem.replace("\n", "\\n"))}
    async with open_gateway(shadowed_settings.model_copy(update=changes)) as gateway:
        await gateway.hand.set(NOON)
        await write(gateway, "sales", NOON - 60, 1.0)
        good = sign(key=pair.private, algorithm=pair.algorithm)
        answer = await ask(gateway, "GET", "/kpi/sales", bearer(good))
        assert answer.status_code == 200
        for other in pairs():
            token = sign(key=other.private, algorithm=other.algorithm)
            assert (await ask(gateway, "GET", "/kpi/sales", bearer(token))).status_code == 401
        # The public key is known to everybody: as a secret it must not do (RFC 8725, 2.1).
        for text in (pair.pem, pair.pem.strip()):
            token = _confused(text)
            assert (await ask(gateway, "GET", "/kpi/sales", bearer(token))).status_code == 401
        session = await ask(gateway, "POST", "/session", bearer(good))
        brought = {"Cookie": f"kpi_session={session.cookies['kpi_session']}"}
        assert (await ask(gateway, "GET", "/kpi/sales", brought)).status_code == 200


def _confused(pem: str) -> str:
    parts = sign(key="x" * 40).split(".")
    signed = ".".join(parts[:2])
    digest = hmac.digest(pem.encode(), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


async def test_a_ticket_counts_once_and_becomes_the_cookie(guarded: Gateway) -> None:
    made = await ticket(guarded, {"kpis": ["sales"]})
    first = await ask(guarded, "GET", f"/kpi/sales?ticket={made}", {})
    assert first.status_code == 200
    set_cookie = first.headers["set-cookie"]
    assert "HttpOnly" in set_cookie
    assert "SameSite=Lax" in set_cookie
    assert "Secure" not in set_cookie
    assert (await ask(guarded, "GET", f"/kpi/sales?ticket={made}", {})).status_code == 401
    brought = {"Cookie": f"kpi_session={first.cookies['kpi_session']}"}
    # An EventSource comes back with the same URL.
    again = await ask(guarded, "GET", f"/kpi/sales?ticket={made}", brought)
    assert again.status_code == 200
    assert (await ask(guarded, "GET", "/kpi/stock", brought)).status_code == 403


async def test_a_page_is_entered_with_a_ticket(guarded: Gateway) -> None:
    made = await ticket(guarded, {"kpis": ["sales"]})
    answer = await ask(guarded, "GET", f"/?wall=60&ticket={made}", {})
    assert (answer.status_code, answer.headers["location"]) == (303, "./?wall=60")
    assert "kpi_session" in answer.cookies
    used = await ask(guarded, "GET", f"/?ticket={made}", {})
    assert (used.status_code, used.headers["location"]) == (303, "./")
    assert "kpi_session" not in used.cookies


async def test_long_lived_tokens_in_a_url_are_refused(guarded: Gateway) -> None:
    for name in ("ticket", "token", "access_token", "jwt"):
        answer = await ask(guarded, "GET", f"/kpi/sales?{name}={sign()}", {})
        assert answer.status_code == 401
        assert "does not belong in a URL" in answer.json()["detail"]
    held = await screen(guarded, "lobby")
    assert (await ask(guarded, "GET", f"/kpi/sales?ticket={held}", {})).status_code == 401


async def test_signing_out_ends_the_session_everywhere(guarded: Gateway) -> None:
    brought = await cookie(guarded, {"kpis": ["sales"]})
    assert (await ask(guarded, "GET", "/kpi/sales", brought)).status_code == 200
    answer = await ask(guarded, "DELETE", "/session", brought)
    assert answer.status_code == 204
    assert "kpi_session=;" in answer.headers["set-cookie"]
    assert brought["Cookie"].partition("=")[2] not in answer.headers["set-cookie"]
    async with open_gateway(guarded.service.settings) as other:
        assert (await ask(other, "GET", "/kpi/sales", brought)).status_code == 401


async def test_a_stream_ends_with_its_token(guarded: Gateway) -> None:
    token = sign(exp=int(time.time()) + 2)
    async with open_stream(guarded.port, "/kpi/sales/stream", bearer(token)) as stream:
        await stream.event("snapshot")
        end = await stream.event("end")
        late = time.time() - json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["exp"]
        assert end.json() == {"reason": "the token has expired"}
        assert end.last_event_id == (stream.sse.last_event_id)
        assert 0 <= late < 2
        await stream.rest()
        assert stream.ended


async def test_a_screens_stream_ends_when_it_is_revoked(guarded: Gateway) -> None:
    token = await screen(guarded, "hall")
    session = await ask(guarded, "POST", "/session", bearer(token))
    brought = {"Cookie": f"kpi_session={session.cookies['kpi_session']}"}
    async with (
        open_stream(guarded.port, "/kpi/sales/stream", bearer(token)) as stream,
        open_stream(guarded.port, "/kpi/sales/stream", brought) as page,
    ):
        await stream.event("snapshot")
        await TokenStore(guarded.database).revoke_screens("hall")
        for each in (stream, page):
            assert (await each.event("end")).json() == {"reason": "the token was revoked"}
    assert (await ask(guarded, "GET", "/kpi/sales", brought)).status_code == 401


async def test_tokens_tickets_and_cursors_reach_no_log(
    guarded: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    token, made = sign(), await ticket(guarded, {"kpis": ["sales"]})
    bad = sign(key="x" * 40)
    answers = [
        await ask(guarded, "GET", f"/kpi/sales?ticket={made}", {}),
        await ask(guarded, "GET", f"/kpi/sales?ticket={made}", {}),
        await ask(guarded, "GET", "/kpi/sales", bearer(bad)),
        await ask(guarded, "GET", f"/kpi/sales?token={token}", {}),
        await ask(guarded, "GET", "/nowhere?cursor=1mycursor&ticket=" + made, bearer(token)),
    ]
    secrets = (token, made, bad, "mycursor")
    ours = [record for record in caplog.records if not record.name.startswith("http")]
    logged = "".join(f"{record.getMessage()} {record.exc_info}" for record in ours)
    for text in (*(answer.text for answer in answers), logged):
        assert not any(secret in text for secret in secrets)


async def test_with_no_authorisation_other_sites_change_nothing(gateway: Gateway) -> None:
    for brought, status in (
        ({}, 200),
        ({"Origin": f"http://127.0.0.1:{gateway.port}"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://whatever"}, 200),
    ):
        assert (await ask(gateway, "POST", "/session", brought)).status_code == status
    assert (await ask(gateway, "POST", "/ticket", {})).status_code == 404


async def test_a_session_that_fits_no_cookie_is_refused(guarded: Gateway) -> None:
    many = {"kpis": [f"a_plant_with_a_long_name.line{n}.*" for n in range(150)]}
    answer = await ask(guarded, "POST", "/session", bearer(sign(many)))
    assert (answer.status_code, answer.json()["title"]) == (403, "Not allowed")
    assert "set-cookie" not in answer.headers
