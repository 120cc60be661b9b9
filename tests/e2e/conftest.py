"""A real browser, and a shop whose clock stands still until a test moves it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from app.settings import Settings
from tests.e2e.browsing import Visit, open_browser, open_visit
from tests.e2e.door import Door, open_door
from tests.e2e.shop import Shop, fill
from tests.running import open_gateway

HEARTBEAT_SECONDS = 1.0


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with open_browser() as opened:
        yield opened


@pytest.fixture
def quick_settings(shadowed_settings: Settings) -> Settings:
    """Settings with a heartbeat short enough to be waited for."""
    return shadowed_settings.model_copy(update={"heartbeat_seconds": HEARTBEAT_SECONDS})


@pytest.fixture
async def shop(quick_settings: Settings) -> AsyncIterator[Shop]:
    """It is 30 s past noon, and a few KPIs have two hours and more of history."""
    async with open_gateway(quick_settings) as gateway:
        opened = Shop(gateway)
        await fill(opened)
        yield opened


@pytest.fixture
async def door(shop: Shop) -> AsyncIterator[Door]:
    """A proxy before the shop, at an address that stays."""
    async with open_door(shop.gateway.port) as opened:
        yield opened


@pytest.fixture
async def visit(browser: Browser, shop: Shop) -> AsyncIterator[Visit]:
    """A browser's first visit to the shop, with nothing opened yet."""
    async with open_visit(browser, shop.url) as opened:
        yield opened
