"""The page's main job: it shows numbers, follows them, and survives a restart of its server."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, expect

from app.settings import Settings
from tests.e2e.browsing import Visit, open_visit
from tests.e2e.door import Door
from tests.e2e.server_process import free_port, serving
from tests.e2e.shop import NOON, SHAPES, Shop, fill
from tests.running import open_gateway


async def test_a_first_visit_shows_numbers_and_follows_them(shop: Shop, visit: Visit) -> None:
    dashboard = await visit.open()
    await dashboard.until_all_live()
    await expect(dashboard.number("orders:minute")).to_have_text(f"{at_noon('orders'):.0f}")
    await shop.minutes()
    expected = SHAPES["orders"](shop.now // 60 - 1)
    await expect(dashboard.number("orders:minute")).to_have_text(f"{expected:.0f}")
    for channel in ("orders:minute", "cycle_time:minute"):
        await dashboard.until_series(channel, await shop.history(channel))


async def test_the_first_board_is_full_and_marks_what_is_simulated(visit: Visit) -> None:
    dashboard = await visit.open()
    await dashboard.until_all_live()
    await expect(dashboard.page.locator("kpi-tile")).to_have_count(7)
    await expect(dashboard.tile("margin:minute").locator(".tag")).to_be_visible()
    await expect(dashboard.tile("orders:minute").locator(".tag")).to_be_hidden()


@pytest.mark.slow
async def test_a_kpi_switched_from_minute_to_hour_shows_the_hour(shop: Shop, visit: Visit) -> None:
    dashboard = await visit.open()
    await dashboard.until_all_live()
    await dashboard.choose("orders", "hour")
    history = await shop.history("orders:hour")
    await dashboard.until_series("orders:hour", history)
    await expect(dashboard.number("orders:hour")).to_have_text(f"{history[-1][1]:.0f}")
    await shop.minutes(61)
    later = await shop.history("orders:hour")
    assert len(later) == len(history) + 1
    await dashboard.until_series("orders:hour", later)


async def test_the_choice_survives_a_reload(visit: Visit) -> None:
    dashboard = await visit.open()
    await dashboard.until_all_live()
    await dashboard.choose("orders", "day")
    await dashboard.page.reload()
    await expect(dashboard.tile("orders:day")).to_be_visible()
    await expect(dashboard.page.locator("kpi-tile")).to_have_count(7)


@pytest.mark.slow
async def test_a_server_killed_and_started_again_is_found_without_a_reload(
    browser: Browser, database_url: str
) -> None:
    port = free_port()
    async with open_visit(browser, f"http://127.0.0.1:{port}/") as visit:
        async with serving(database_url, port) as server:
            await server.write_history("orders", minutes=90)
            dashboard = await visit.open()
            await dashboard.until_all_live()
            await dashboard.page.evaluate("() => { window.notReloaded = true }")
            server.kill()
            await dashboard.until_connection("reconnecting")
            await dashboard.until_all("reconnecting")
        async with serving(database_url, port) as server:
            await server.correct("orders", minutes_ago=5, value=1000.0)
            await dashboard.until_connection("live", seconds=30)
            await dashboard.until_series("orders:minute", await server.history("orders:minute"))
            assert await dashboard.page.evaluate("() => window.notReloaded")


async def test_the_page_works_behind_a_proxy(browser: Browser, door: Door) -> None:
    async with open_visit(browser, door.url) as visit:
        dashboard = await visit.open()
        await dashboard.until_all_live()


def at_noon(code: str) -> float:
    """Return what a KPI had in the last minute before noon."""
    return SHAPES[code](NOON // 60 - 1)


@pytest.mark.slow
async def test_an_empty_database_says_what_to_do_and_fills_itself(
    browser: Browser, quick_settings: Settings
) -> None:
    async with open_gateway(quick_settings) as gateway:
        shop = Shop(gateway)
        await gateway.hand.set(shop.now)
        async with open_visit(browser, shop.url) as visit:
            dashboard = await visit.open()
            await expect(dashboard.page.get_by_text("There are no KPIs yet")).to_be_visible()
            await fill(shop)
            await dashboard.until_all_live(seconds=30)
            await expect(dashboard.page.locator("kpi-tile")).to_have_count(7)
            await expect(dashboard.page.get_by_text("There are no KPIs yet")).to_be_hidden()


@pytest.mark.slow
async def test_a_kpi_that_came_later_is_in_the_list(shop: Shop, visit: Visit) -> None:
    dashboard = await visit.open()
    await dashboard.until_all_live()
    await shop.write([("brand_new", shop.now - 100, 5.0)])
    add = dashboard.page.get_by_role("button", name="Add KPI")
    async with asyncio.timeout(30):
        while True:
            await add.click()
            await expect(dashboard.page.get_by_role("option").first).to_be_visible()
            if await dashboard.page.get_by_role("option", name="brand_new").count():
                break
            await dashboard.page.keyboard.press("Escape")
    await dashboard.page.get_by_role("option", name="brand_new").click()
    await dashboard.page.keyboard.press("Escape")
    await expect(dashboard.number("brand_new:minute")).to_have_text("5")
    await shop.write([("brand_new", shop.now, 9.0)])
    await shop.minutes()
    await dashboard.until_series("brand_new:minute", await shop.history("brand_new:minute"))
    await dashboard.until_all_live()
