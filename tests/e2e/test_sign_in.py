"""Signing in, screens on walls, and sessions that end while a board is open."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, expect
from pydantic import SecretStr

from app.access.screens import screen_grants, screen_link
from app.data.token_store import TokenStore
from app.settings import Settings
from tests.access.signing import AUDIENCE, ISSUER, SECRET, sign
from tests.e2e.browsing import open_visit
from tests.e2e.shop import Shop, fill
from tests.running import open_gateway

pytestmark = pytest.mark.slow

ORDERS = {"kpis": ["orders"]}


@pytest_asyncio.fixture(loop_scope="session")
async def guarded(quick_settings: Settings) -> AsyncIterator[Shop]:
    changes = {
        "auth": "jwt",
        "jwt_key": SecretStr(SECRET),
        "jwt_issuer": ISSUER,
        "jwt_audience": AUDIENCE,
    }
    async with open_gateway(quick_settings.model_copy(update=changes)) as gateway:
        shop = Shop(gateway)
        await fill(shop)
        yield shop


async def test_a_token_that_is_pasted_opens_the_board(browser: Browser, guarded: Shop) -> None:
    async with open_visit(browser, guarded.url) as visit:
        page = (await visit.open()).page
        await page.wait_for_url("**/sign-in")
        await page.get_by_label("Your token").fill("nonsense")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("status")).to_contain_text("Not signed in")
        await page.get_by_label("Your token").fill(f" {sign(ORDERS)}\n")
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(lambda url: "sign-in" not in url)
        await expect(page.locator("kpi-tile")).to_have_count(1)
        await expect(page.locator('kpi-tile[channel^="orders:"] h2')).to_have_text("Orders packed")


async def test_a_screens_link_shows_its_kpis_until_it_is_revoked(
    browser: Browser, guarded: Shop
) -> None:
    store = TokenStore(guarded.gateway.database)
    settings = guarded.gateway.service.settings
    grants = screen_grants(["orders", "stock"], [], None)
    link = await screen_link(settings, store, "hall", grants, "1d", guarded.url)
    async with open_visit(browser, link) as visit:
        dashboard = await visit.open()
        await dashboard.page.wait_for_url(lambda url: "sign-in" not in url)
        await dashboard.until_all_live()
        assert await dashboard.page.locator("kpi-tile").count() == 2
        assert "#" not in dashboard.page.url or "eyJ" not in dashboard.page.url
        await store.revoke_screens("hall")
        await dashboard.page.wait_for_url("**/sign-in**", timeout=30_000)


async def test_a_new_session_is_asked_for_where_a_proxy_knows_who_is_there(
    browser: Browser, guarded: Shop
) -> None:
    asked = 0

    async def sign_on(route: Route) -> None:
        nonlocal asked
        asked += 1
        token = sign(ORDERS, exp=int(time.time()) + (4 if asked == 1 else 600))
        headers = {**route.request.headers, "authorization": f"Bearer {token}"}
        await route.continue_(headers=headers)

    async with open_visit(browser, guarded.url) as visit:
        await visit.context.route("**/session", sign_on)
        dashboard = await visit.open()
        await dashboard.until_all_live()
        assert asked == 1
        await dashboard.page.wait_for_event(
            "response", lambda response: response.url.endswith("/session"), timeout=20_000
        )
        await dashboard.until_all_live()
        await guarded.minutes()
        rows = await dashboard.page.evaluate("document.querySelector('kpi-tile').points.length")
        assert rows > 0
        assert asked == 2
        assert "sign-in" not in dashboard.page.url


async def test_the_description_of_the_interface_is_shown(browser: Browser, guarded: Shop) -> None:
    async with open_visit(browser, guarded.url) as visit:
        page = (await visit.open("docs")).page
        await expect(page.get_by_role("heading", level=1)).to_contain_text("kpi-stream")
        await page.get_by_text("/kpi/{code}/stream", exact=True).click()
        await expect(page.get_by_text("Last-Event-ID").first).to_be_visible()
        await expect(page.locator("#Snapshot")).to_be_visible()
