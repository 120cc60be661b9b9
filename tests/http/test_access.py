"""Who may see what: every route with every credential."""

from __future__ import annotations

import base64
import hmac
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from app.data import catalogue
from app.http.factory import create_app
from app.settings import Settings
from tests.access.signing import pairs, sign
from tests.http.conftest import NOON, write
from tests.http.credentials import CREDENTIALS, JWT, ROUTES, ask, bearer
from tests.running import Gateway, open_gateway
from tests.world import execute


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
        "/kpi/<code>/stream", "/stream", "/metrics", "/session", "/ticket", "/openapi.json",
        "/docs", "/values", "/kpi/<code>/values", "/b/<slug>", "/web.<digest>/<path:name>",
        "/boards", "/boards/<slug>", "/boards/<slug>/versions",
    }  # fmt: skip
    assert rules == known


async def test_a_formula_that_names_a_kpi_of_others_is_not_told(guarded: Gateway) -> None:
    await execute(
        guarded.database,
        "INSERT INTO kpi_catalog (code, formula) VALUES ('own', '2 * sales'),"
        " ('mixed', 'sales / sum(secret.plan)'), ('broken', 'secret.plan +')",
    )
    told = {}
    for kpis in (["*"], ["sales", "own", "mixed", "broken"]):
        answer = await ask(guarded, "GET", "/kpi", bearer(sign({"kpis": kpis})))
        told[kpis[0]] = {kpi["code"]: kpi["formula"] for kpi in answer.json()["kpis"]}
        assert ("secret" in answer.text) is (kpis == ["*"])
    assert told["*"]["mixed"] == "sales / sum(secret.plan)"
    assert told["sales"] == {"sales": None, "own": "2 * sales", "mixed": None, "broken": None}


async def test_what_is_wrong_with_a_formula_names_no_kpi_of_others(guarded: Gateway) -> None:
    wrong = {
        "unread": "sales / sum(secret.plan",
        "round": "secret.a + 1",
        "secret.a": "round * 2",
        "of": "sum(secret.b)",
        "secret.b": "2 * sales",
        "long": " + ".join(["secret.b"] * 60),
    }
    await execute(
        guarded.database,
        "INSERT INTO kpi_catalog (code, formula) SELECT * FROM unnest($1::text[], $2::text[])",
        list(wrong),
        list(wrong.values()),
    )
    for code in ("unread", "round", "of", "long"):
        for target in (f"/kpi/{code}", f"/kpi/{code}/stream", f"/stream?channel={code}:hour"):
            for kpis, named in (["*"], True), (["sales", code], False):
                answer = await ask(guarded, "GET", target, bearer(sign({"kpis": kpis})))
                assert answer.status_code == 422
                assert named or "secret" not in answer.text
                assert not named or code == "long" or "secret" in answer.text


async def test_nothing_of_what_is_hidden_shows_in_validators_or_lengths(
    guarded: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others have changes nothing that a caller can see, nor does a KPI that there is not."""
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", 0.0)
    seen = []
    for rows in ("('stock', 'Stock')", "('stock', 'Stock of hall 1'), ('plan', 'Plan')"):
        await execute(guarded.database, "DELETE FROM kpi_catalog")
        await execute(guarded.database, f"INSERT INTO kpi_catalog (code, name) VALUES {rows}")
        answers = [
            await ask(guarded, "GET", target, bearer(sign()))
            for target in ("/kpi", "/kpi/stock", "/kpi/plan", "/kpi/stock/stream", "/boards/a")
        ]
        seen.append([(a.status_code, a.content, a.headers.get("etag")) for a in answers])
    assert seen[0] == seen[1]
    assert len({content.replace(b"plan", b"stock") for _, content, _ in seen[0][1:4]}) == 1


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "TRACE"])
async def test_other_methods_tell_no_more_than_get(method: str, guarded: Gateway) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{guarded.port}") as client:
        for _, target in ROUTES.values():
            for brought in ({}, bearer(sign())):
                answer = await client.request(method, target, headers=brought)
                assert answer.content == b"" or answer.status_code in (404, 405)
                if method == "HEAD" and "GET" in answer.headers.get("allow", "GET"):
                    async with client.stream("GET", target, headers=brought) as whole:
                        assert whole.status_code == answer.status_code
                elif method == "OPTIONS":
                    assert answer.status_code == 200
                else:
                    assert answer.status_code in (404, 405)
                assert "sales" not in answer.text
                assert "set-cookie" not in answer.headers


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
