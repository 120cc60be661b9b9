"""A gateway on a database whose clock stands still, to be put behind proxies."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.running import Gateway, open_gateway
from tests.world import at, execute

NOON = at("2026-05-04T12:00:30+00:00")


@pytest.fixture
def quiet(shadowed_settings: Settings) -> Settings:
    """Settings with which no ping pushes out what a proxy holds back."""
    return shadowed_settings.model_copy(
        update={
            "heartbeat_seconds": 300.0,
            "trusted_proxies": "127.0.0.1",
            "drain_seconds": 0.0,
        }
    )


@pytest.fixture
async def gateway(quiet: Settings) -> AsyncIterator[Gateway]:
    async with open_gateway(quiet) as opened:
        await fill(opened)
        yield opened


async def fill(gateway: Gateway, codes: tuple[str, ...] = ("sales",)) -> None:
    """It is 30 s past noon, and each KPI had a row in the minute before."""
    await gateway.hand.set(NOON)
    await write(gateway, codes, NOON - 60)


async def write(gateway: Gateway, codes: tuple[str, ...], at_seconds: int) -> None:
    await execute(
        gateway.database,
        "INSERT INTO kpi_raw_data SELECT to_timestamp($1::float8), code, 7"
        " FROM unnest($2::text[]) code",
        float(at_seconds),
        list(codes),
    )
