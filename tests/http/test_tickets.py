"""Tickets and sessions brought in ways that they are not meant for."""

from __future__ import annotations

import pytest

from app.access import access
from tests.access.signing import sign
from tests.http.credentials import ask, bearer, cookie, ticket
from tests.running import Gateway

SALES = {"kpis": ["sales"]}
ELSEWHERE = {"Sec-Fetch-Site": "cross-site"}


async def opens(gateway: Gateway, made: str, headers: dict[str, str] | None = None) -> bool:
    answer = await ask(gateway, "GET", f"/kpi/sales?ticket={made}", headers or {})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


async def test_an_expired_ticket_opens_nothing(
    guarded: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "TICKET_SECONDS", 0.0)
    made = await ticket(guarded, SALES)
    assert not await opens(guarded, made)
    page = await ask(guarded, "GET", f"/?ticket={made}", {})
    assert (page.status_code, "set-cookie" in page.headers) == (303, False)


async def test_a_token_beside_a_ticket_is_what_counts(guarded: Gateway) -> None:
    made = await ticket(guarded, SALES)
    beside = await ask(guarded, "GET", f"/kpi/sales?ticket={made}", bearer(sign()))
    assert (beside.status_code, "set-cookie" in beside.headers) == (200, False)
    assert not await opens(guarded, made, bearer(sign(key="x" * 40)))
    assert await opens(guarded, made)  # nobody has used it yet


async def test_a_ticket_of_a_session_that_has_ended_opens_nothing(guarded: Gateway) -> None:
    session = await cookie(guarded, SALES)
    made = (await ask(guarded, "POST", "/ticket", session)).json()["ticket"]
    assert (await ask(guarded, "DELETE", "/session", session)).status_code == 204
    assert not await opens(guarded, made)
    assert (await ask(guarded, "GET", "/kpi/sales", session)).status_code == 401


async def test_nothing_is_taken_for_what_it_is_not(guarded: Gateway) -> None:
    made, session = await ticket(guarded, SALES), await cookie(guarded, SALES)
    held = session["Cookie"].partition("=")[2]
    for brought in (bearer(made), bearer(held), {"Cookie": f"kpi_session={made}"}):
        assert (await ask(guarded, "GET", "/kpi/sales", brought)).status_code == 401
    assert not await opens(guarded, held)
    for several in (f"x&ticket={made}", f"%20{made}", f"{made}%00", made.upper()):
        assert not await opens(guarded, several)
    assert await opens(guarded, made)


async def test_another_sites_page_gets_no_cookie_for_its_ticket(guarded: Gateway) -> None:
    first, second = [await ticket(guarded, SALES) for _ in range(2)]
    answer = await ask(guarded, "GET", f"/kpi/sales?ticket={first}", ELSEWHERE)
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    session = await cookie(guarded, {"kpis": ["*"], "boards": "write", "write": ["*"]})
    for method, target in (
        ("POST", "/session"), ("POST", "/ticket"), ("DELETE", "/session"), ("PUT", "/boards/a"),
        ("DELETE", "/boards/a"), ("POST", "/values"), ("POST", "/kpi/sales/values"),
    ):  # fmt: skip
        for site in (ELSEWHERE, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}):
            assert (await ask(guarded, method, target, session | site)).status_code == 401
    assert (await ask(guarded, "GET", "/kpi/sales", session)).status_code == 200
    assert await opens(guarded, second)


@pytest.mark.parametrize("odd", ['"{}"', " {}", "{};", "{}; kpi_session=", "a; kpi_session={}"])
async def test_of_several_or_odd_cookies_none_counts_twice(odd: str, guarded: Gateway) -> None:
    """Whatever a browser or another server of the host sets, it is that session or none."""
    held = (await cookie(guarded, SALES))["Cookie"].partition("=")[2]
    brought = {"Cookie": f"kpi_session={odd.format(held)}"}
    assert (await ask(guarded, "GET", "/kpi/sales", brought)).status_code in (200, 401)
    assert (await ask(guarded, "GET", "/kpi/stock", brought)).status_code in (401, 403)
