"""A real browser, and a shop whose clock stands still until a test moves it.

All of it runs in one event loop for the whole session, because the browser does: to start one
costs more than most tests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from app.settings import Settings
from tests.e2e.browsing import Visit, open_browser, open_visit
from tests.e2e.door import Door, open_door
from tests.e2e.shop import Shop, fill
from tests.running import open_gateway

HEARTBEAT_SECONDS = 1.0
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this folder in the browser's event loop."""
    in_session = pytest.mark.asyncio(loop_scope="session")
    for item in items:
        if item.path.is_relative_to(HERE) and pytest_asyncio.is_async_test(item):
            item.add_marker(in_session, append=False)


class SharedBrowser:
    """One browser for all tests of a process; one that was killed is replaced."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._browser: Browser | None = None

    async def get(self) -> Browser:
        if self._browser is None or not self._browser.is_connected():
            await self._stack.aclose()
            self._browser = await self._stack.enter_async_context(open_browser())
        return self._browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_browser() -> AsyncIterator[SharedBrowser]:
    async with AsyncExitStack() as stack:
        yield SharedBrowser(stack)


@pytest_asyncio.fixture(loop_scope="session")
async def browser(shared_browser: SharedBrowser) -> AsyncIterator[Browser]:
    """A browser without any profile; what the test opens in it is closed after it."""
    opened = await shared_browser.get()
    yield opened
    for context in opened.contexts:
        await context.close()


@pytest.fixture
def quick_settings(shadowed_settings: Settings) -> Settings:
    """Settings with a heartbeat short enough to be waited for."""
    return shadowed_settings.model_copy(update={"heartbeat_seconds": HEARTBEAT_SECONDS})


@pytest_asyncio.fixture(loop_scope="session")
async def shop(quick_settings: Settings) -> AsyncIterator[Shop]:
    """It is 30 s past noon, and a few KPIs have two hours and more of history."""
    async with open_gateway(quick_settings) as gateway:
        opened = Shop(gateway)
        await fill(opened)
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def door(shop: Shop) -> AsyncIterator[Door]:
    """A proxy before the shop, at an address that stays."""
    async with open_door(shop.gateway.port) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, shop: Shop) -> AsyncIterator[Visit]:
    """A browser's first visit to the shop, with nothing opened yet."""
    async with open_visit(browser, shop.url) as opened:
        yield opened
