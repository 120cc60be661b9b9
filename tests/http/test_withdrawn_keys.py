"""What was given for a token does not outlive the key that the token was signed with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from app.access import jwks
from app.settings import Settings
from tests.access.issuer import Issuer
from tests.access.signing import Pair, sign
from tests.http.conftest import NOON, write
from tests.http.credentials import JWT, ask, bearer
from tests.running import Gateway, open_gateway
from tests.stream_client import open_stream

GRANTS = {"kpis": ["sales"]}


def pair() -> Pair:
    return Pair("ES256", ec.generate_private_key(ec.SECP256R1()))


def token(of: Pair, key_id: str) -> str:
    return sign(GRANTS, key=of.private, algorithm=of.algorithm, headers={"kid": key_id})


@asynccontextmanager
async def opened(settings: Settings, issuer: Issuer) -> AsyncIterator[Gateway]:
    changes = JWT | {"jwt_key": None, "jwks_url": issuer.url}
    async with open_gateway(settings.model_copy(update=changes)) as gateway:
        await gateway.hand.set(NOON)
        await write(gateway, "sales", NOON - 60, 1.0)
        yield gateway


async def session(gateway: Gateway, of: Pair, key_id: str) -> dict[str, str]:
    answer = await ask(gateway, "POST", "/session", bearer(token(of, key_id)))
    assert answer.status_code == 200
    return {"Cookie": f"kpi_session={answer.cookies['kpi_session']}"}


async def status(gateway: Gateway, brought: dict[str, str]) -> int:
    return (await ask(gateway, "GET", "/kpi/sales", brought)).status_code


@pytest.mark.parametrize("name", ["new", "old"], ids=["of another name", "of the same name"])
async def test_sessions_tickets_and_streams_end_with_the_key(
    name: str, shadowed_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "UNKNOWN_SECONDS", 0.0)
    monkeypatch.setattr(jwks, "FRESH_SECONDS", 0.1)
    issuer, old, new = Issuer(), pair(), pair()
    issuer.publish("old", old)
    async with issuer.listening(), opened(shadowed_settings, issuer) as gateway:
        brought = await session(gateway, old, "old")
        made = await ask(gateway, "POST", "/ticket", bearer(token(old, "old")))
        assert await status(gateway, brought) == 200
        async with open_stream(gateway.port, "/kpi/sales/stream", brought) as stream:
            await stream.event("snapshot")
            issuer.keys.clear()
            issuer.publish(name, new)
            end = await stream.event("end")
            assert "withdrawn" in end.json()["reason"]
        assert await status(gateway, brought) == 401
        target = f"/kpi/sales?ticket={made.json()['ticket']}"
        assert (await ask(gateway, "GET", target, {})).status_code == 401
        assert await status(gateway, await session(gateway, new, name)) == 200


async def test_a_gateway_that_has_not_seen_a_new_key_looks_for_it(
    shadowed_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sessions are of all gateways, and each fetches the keys for itself."""
    monkeypatch.setattr(jwks, "UNKNOWN_SECONDS", 0.0)
    issuer, old, new = Issuer(), pair(), pair()
    issuer.publish("old", old)
    async with issuer.listening(), opened(shadowed_settings, issuer) as first:
        assert await status(first, await session(first, old, "old")) == 200
        issuer.publish("new", new)
        async with open_gateway(first.service.settings) as second:
            brought = await session(second, new, "new")
            assert await status(first, brought) == 200


async def test_while_the_issuer_is_away_sessions_go_on(shadowed_settings: Settings) -> None:
    issuer, key = Issuer(), pair()
    issuer.publish("a", key)
    async with issuer.listening(), opened(shadowed_settings, issuer) as gateway:
        brought = await session(gateway, key, "a")
        issuer.status = 500
        async with open_gateway(gateway.service.settings) as later:
            assert await status(later, brought) == 200
            assert await status(later, bearer(token(key, "a"))) == 503


async def test_sessions_end_with_a_public_key_of_the_settings(shadowed_settings: Settings) -> None:
    old, new = pair(), pair()
    changes = JWT | {"jwt_key": SecretStr(old.pem)}
    async with open_gateway(shadowed_settings.model_copy(update=changes)) as gateway:
        await gateway.hand.set(NOON)
        await write(gateway, "sales", NOON - 60, 1.0)
        brought = await session(gateway, old, "any")
        assert await status(gateway, brought) == 200
    changed = gateway.service.settings.model_copy(update={"jwt_key": SecretStr(new.pem)})
    async with open_gateway(changed) as gateway:
        assert await status(gateway, brought) == 401
