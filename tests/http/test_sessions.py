"""Cookies, tickets and screens, what ends with them, and what is never logged."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest
from quart import Request
from werkzeug.datastructures import Headers

from app.data.token_store import TokenStore
from app.http.auth import is_foreign
from tests.access.signing import sign
from tests.http.credentials import ask, bearer, cookie, screen, ticket
from tests.running import Gateway, open_gateway
from tests.stream_client import open_stream


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


async def test_of_many_who_use_a_ticket_at_once_at_two_gateways_one_gets_in(
    guarded: Gateway,
) -> None:
    async with open_gateway(guarded.service.settings) as other:
        for _ in range(5):
            made = await ticket(guarded, {"kpis": ["sales"]})
            asked = [ask(each, "GET", f"/kpi/sales?ticket={made}", {}) for each in (guarded, other)]
            pages = [ask(each, "GET", f"/?ticket={made}", {}) for each in (guarded, other)]
            answers = await asyncio.gather(*asked, *pages, *asked_again(made, guarded, other))
            in_ = [a for a in answers if a.status_code == 200 or "kpi_session" in a.cookies]
            assert len(in_) == 1


def asked_again(made: str, *gateways: Gateway) -> list[Coroutine[Any, Any, httpx.Response]]:
    return [ask(gateway, "GET", f"/kpi?ticket={made}", {}) for gateway in gateways * 4]


async def test_over_tls_only_the_cookie_of_this_very_host_counts(guarded: Gateway) -> None:
    """A page at a sister's name can set `kpi_session` for the whole domain, but no `__Host-`."""
    trusting = guarded.service.settings.model_copy(update={"trusted_proxies": "127.0.0.1"})
    async with open_gateway(trusting) as gateway:
        tls = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
        session = await ask(gateway, "POST", "/session", bearer(sign()) | tls)
        own = session.headers["set-cookie"].partition(";")[0]
        assert own.startswith("__Host-kpi_session=")
        assert "Secure" in session.headers["set-cookie"]
        tossed = f"kpi_session={own.partition('=')[2]}"
        for brought, status in (
            ({"Cookie": own} | tls, 200),
            ({"Cookie": tossed} | tls, 401),
            ({"Cookie": f"{tossed}x; {own}; {tossed}y"} | tls, 200),
            ({"Cookie": tossed}, 200),
        ):
            answer = await ask(gateway, "GET", "/kpi/sales", brought)
            assert answer.status_code == status, brought


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
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": f"127.0.0.1:{gateway.port}"}, 403),
        ({"Origin": f"http://127.0.0.1:{gateway.port}.evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin, cross-site"}, 403),
        ({"Origin": "https://evil.example", "Content-Type": "text/plain"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://whatever"}, 200),
    ):
        assert (await ask(gateway, "POST", "/session", brought)).status_code == status
        for method, target in (("PUT", "/boards/a"), ("DELETE", "/boards/a"), ("POST", "/values")):
            if status == 403:
                assert (await ask(gateway, method, target, brought)).status_code == 403
    assert (await ask(gateway, "POST", "/ticket", {})).status_code == 404


async def test_a_session_that_fits_no_cookie_is_refused(guarded: Gateway) -> None:
    many = {"kpis": [f"a_plant_with_a_long_name.line{n}.*" for n in range(150)]}
    answer = await ask(guarded, "POST", "/session", bearer(sign(many)))
    assert (answer.status_code, answer.json()["title"]) == (403, "Not allowed")
    assert "set-cookie" not in answer.headers


def test_an_origin_without_a_scheme_is_foreign_also_where_no_host_is_named() -> None:
    headers = Headers({"Origin": "evil.example", "Host": ""})
    scope: Any = {}
    request = Request(
        "PUT", "http", "/", b"", headers, "", "1.0", scope, send_push_promise=_push_nothing
    )
    assert is_foreign(request)


async def _push_nothing(path: str, headers: Headers) -> None:
    """Nothing is pushed here."""
