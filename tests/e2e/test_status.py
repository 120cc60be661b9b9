"""What somebody who passes by sees: what is off target, and nothing of what is well."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.browsing import Dashboard, Visit, open_visit
from tests.e2e.door import Door
from tests.e2e.shop import Shop
from tests.world import execute

pytestmark = pytest.mark.slow

TWO = "#id=s&name=Shift&t=orders:minute&t=stock:minute"

BACKGROUND = """(channel) => {
  const tile = document.querySelector(`kpi-tile[channel="${channel}"]`);
  return getComputedStyle(tile.shadowRoot.querySelector('.tile')).backgroundColor;
}"""


async def set_target(shop: Shop, code: str, target: float) -> None:
    await execute(
        shop.gateway.database, "UPDATE kpi_catalog SET target = $1 WHERE code = $2", target, code
    )


async def status_of(dashboard: Dashboard, channel: str) -> str:
    tile = dashboard.tile(channel).locator(".tile")
    return await tile.get_attribute("data-status") or ""


async def test_a_tile_off_target_looks_another_in_colour_sign_and_word(
    shop: Shop, visit: Visit
) -> None:
    await set_target(shop, "orders", 1000.0)
    dashboard = await visit.open(TWO)
    tile = dashboard.tile("orders:minute")
    await expect(tile.locator(".tile")).to_have_attribute("data-status", "bad")
    await expect(tile.locator(".sign")).to_contain_text("off target")
    colours = [
        await dashboard.page.evaluate(BACKGROUND, f"{code}:minute") for code in ("orders", "stock")
    ]
    assert colours[0] != colours[1]
    await expect(dashboard.tile("stock:minute").locator(".sign")).to_be_hidden()


async def test_the_title_the_icon_and_the_bar_say_what_is_off_target(
    shop: Shop, visit: Visit
) -> None:
    await set_target(shop, "orders", 1000.0)
    await set_target(shop, "returns", 0.1)
    dashboard = await visit.open()
    page = dashboard.page
    await expect(page).to_have_title("2 off target · My board")
    await expect(page.locator("#summary")).to_have_text("2 of 3 off target")
    icon = page.locator('link[rel="icon"]')
    await expect(icon).to_have_attribute("href", re.compile("icon-bad.svg$"))
    await set_target(shop, "orders", 1.0)
    await set_target(shop, "returns", 100.0)
    await page.reload()
    await dashboard.until_all_live()
    await expect(page).to_have_title("My board")
    await expect(page.locator("#summary")).to_be_hidden()
    await expect(icon).to_have_attribute("href", re.compile("icon.svg$"))


async def test_the_title_says_that_the_page_is_offline(visit: Visit) -> None:
    await visit.context.add_init_script("delete globalThis.SharedWorker")
    dashboard = await visit.open(TWO)
    await dashboard.until_all_live()
    await visit.context.set_offline(True)
    await dashboard.page.evaluate("() => dispatchEvent(new Event('offline'))")
    await expect(dashboard.page).to_have_title("Offline · Shift")
    icon = dashboard.page.locator('link[rel="icon"]')
    await expect(icon).to_have_attribute("href", re.compile("icon-away.svg$"))


async def test_while_all_is_well_nothing_is_said_of_it(visit: Visit) -> None:
    dashboard = await visit.open(TWO)
    await dashboard.until_all_live()
    for channel in ("orders:minute", "stock:minute"):
        await expect(dashboard.tile(channel).locator(".fresh")).to_be_hidden()
    await expect(dashboard.page.locator("#connection .word")).to_be_hidden()
    await expect(dashboard.page.locator("#notice")).to_be_hidden()


async def test_a_first_load_looks_like_no_alarm(browser: Browser, door: Door) -> None:
    """However long the stream takes."""
    async with open_visit(browser, door.url) as visit:
        await visit.context.add_init_script("delete globalThis.SharedWorker")
        held = asyncio.Event()

        async def hold(route: Any) -> None:
            await held.wait()
            await route.continue_()

        await visit.context.route("**/stream?*", hold)
        dashboard = await visit.open(TWO)
        await expect(dashboard.number("orders:minute")).to_have_text(re.compile(r"\d"))
        assert set(await dashboard.states()) == {"waiting"}
        await expect(dashboard.page.locator("#notice")).to_be_hidden()
        assert not await dashboard.page.locator("html.not-live").count()
        held.set()
        await dashboard.until_all_live()


async def test_a_change_says_what_it_compares_with(shop: Shop, visit: Visit) -> None:
    dashboard = await visit.open(TWO)
    await dashboard.until_all_live()
    delta = dashboard.tile("orders:minute").locator(".delta")
    await expect(delta).to_contain_text("vs 13:58")
    await expect(delta).to_have_attribute("data-tone", "neutral")
    await shop.minutes(1, codes=("stock",))
    await dashboard.until_states(["gap", "live"])
    await expect(delta).to_be_hidden()
    assert await delta.get_attribute("aria-label") is None


async def test_nothing_praises_what_is_off_target(shop: Shop, visit: Visit) -> None:
    await set_target(shop, "orders", 1000.0)
    dashboard = await visit.open(TWO)
    await dashboard.until_all_live()
    await shop.write([("orders", shop.now, 500.0)])
    await shop.silence()
    delta = dashboard.tile("orders:minute").locator(".delta")
    await expect(delta).to_contain_text("▲")
    assert await status_of(dashboard, "orders:minute") == "bad"
    await expect(delta).to_have_attribute("data-tone", "neutral")
    await shop.write([("orders", shop.now, 100.0)])
    await shop.silence()
    await expect(delta).to_have_attribute("data-tone", "worse")


async def test_what_is_kept_badly_in_a_catalogue_spoils_no_tile(shop: Shop, visit: Visit) -> None:
    await execute(
        shop.gateway.database, "ALTER TABLE kpi_catalog DROP CONSTRAINT kpi_catalog_decimals_check"
    )
    await execute(
        shop.gateway.database, "UPDATE kpi_catalog SET decimals = -1 WHERE code = 'orders'"
    )
    dashboard = await visit.open(TWO)
    await dashboard.until_all_live()
    for channel in ("orders:minute", "stock:minute"):
        await expect(dashboard.number(channel)).to_have_text(re.compile(r"\d"))


@pytest.mark.parametrize("period", ["hour", "day"])
async def test_a_first_hour_or_day_is_waited_for_without_alarm(
    shop: Shop, visit: Visit, period: str
) -> None:
    await shop.write([("brand_new", shop.now - 20, 5.0)])
    await shop.silence(2)
    dashboard = await visit.open(f"#id=n&name=N&t=brand_new:{period}")
    await dashboard.until_states(["waiting"])
    await shop.minutes(3)
    fresh = dashboard.tile(f"brand_new:{period}").locator(".fresh")
    await expect(fresh).to_contain_text("first")
    assert await dashboard.states() == ["waiting"]
