"""For everybody: axe's rules, small screens, the keyboard, and what moves and is read aloud."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.browsing import Dashboard, Visit, open_visit
from tests.e2e.shop import Shop

pytestmark = pytest.mark.slow

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
ALL_VIEWS = (
    "#id=all&name=All&t=orders:minute&t=margin:minute,line,2x2&t=stock:hour,bars,2x1"
    "&t=returns:minute,gauge&t=visitors:minute,table,2x2&t=sensor.7:hour"
)


async def violations(dashboard: Dashboard) -> list[str]:
    """Return what axe finds, once nothing moves any more."""
    await dashboard.page.evaluate(
        """Promise.all(document.getAnimations()
            .filter((each) => each.effect.getComputedTiming().endTime < Infinity)
            .map((each) => each.finished.catch(() => {})))"""
    )
    # Not as a script of the page, which its policy would refuse.
    await dashboard.page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = await dashboard.page.evaluate("axe.run()")
    assert found["passes"], "axe has not looked"
    return [
        f"{each['id']}: {node['html'][:160]} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_a_board_of_all_views(
    browser: Browser, shop: Shop, scheme: str
) -> None:
    async with open_visit(browser, shop.url, color_scheme=scheme) as visit:
        dashboard = await visit.open(ALL_VIEWS)
        await dashboard.until_all_live()
        await expect(dashboard.page.locator("canvas")).to_have_count(2)
        assert await violations(dashboard) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_picker_and_menus(
    browser: Browser, shop: Shop, scheme: str
) -> None:
    async with open_visit(browser, shop.url, color_scheme=scheme) as visit:
        dashboard = await visit.open()
        await dashboard.until_all_live()
        await dashboard.page.get_by_role("button", name="Add KPI").click()
        await expect(dashboard.page.get_by_role("option").first).to_be_visible()
        assert await violations(dashboard) == []
        await dashboard.page.keyboard.press("Escape")
        await dashboard.open_menu("orders")
        assert await violations(dashboard) == []
        await dashboard.page.keyboard.press("Escape")
        await dashboard.page.locator("#boards").click()
        assert await violations(dashboard) == []


async def test_axe_finds_nothing_when_there_is_nothing_to_show(visit: Visit) -> None:
    assert await violations(await visit.open("#id=e&name=Empty")) == []


async def test_axe_finds_nothing_when_the_server_is_away(shop: Shop, visit: Visit) -> None:
    dashboard = await visit.open()
    await dashboard.until_all_live()
    shop.gateway.service.hub.refuse_more()
    await shop.gateway.service.hub.drain(0)
    await dashboard.until_connection("reconnecting")
    # Once it is more than the pause in which a stream is taken up again.
    retry = dashboard.page.get_by_role("button", name="Try now")
    await expect(retry).to_be_visible(timeout=15_000)
    assert await violations(dashboard) == []


@pytest.mark.parametrize("width", [320, 768, 1440, 3840])
async def test_no_screen_has_to_be_scrolled_sideways(
    browser: Browser, shop: Shop, width: int
) -> None:
    size = {"width": width, "height": 800}
    async with open_visit(browser, shop.url, viewport=size) as visit:
        dashboard = await visit.open(ALL_VIEWS)
        await dashboard.until_all_live()
        page = dashboard.page
        too_wide = "() => document.documentElement.scrollWidth - innerWidth"
        assert await page.evaluate(too_wide) == 0
        await page.get_by_role("button", name="Add KPI").click()
        box = await page.get_by_role("dialog").bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width
        await page.keyboard.press("Escape")
        menu = await dashboard.open_menu("orders")
        box = await menu.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width


async def test_a_menu_gives_the_focus_back_to_what_opened_it(visit: Visit) -> None:
    dashboard = await visit.open("#id=m&name=M&t=orders:minute")
    await dashboard.until_all_live()
    more = dashboard.cell("orders").locator(".more")
    await more.press("Enter")
    menu = dashboard.page.locator(".tile-menu")
    await expect(menu.get_by_label("Number", exact=True)).to_be_focused()
    await dashboard.page.keyboard.press("ArrowRight")
    await expect(dashboard.tile("orders:minute")).to_have_attribute("view", "line")
    await dashboard.page.keyboard.press("Escape")
    await expect(menu).to_be_hidden()
    await expect(more).to_be_focused()


async def test_only_what_changes_for_the_reader_is_read_aloud(shop: Shop, visit: Visit) -> None:
    dashboard = await visit.open()
    await dashboard.until_all_live()
    live = dashboard.page.locator("[role=status], [aria-live]:not([aria-live=off])")
    said = """() => {
        window.said = [];
        const roots = [...document.querySelectorAll('kpi-tile')].map((tile) => tile.shadowRoot);
        const live = [document, ...roots].flatMap((root) =>
            [...root.querySelectorAll('[role=status], [role=alert], [aria-live]')]);
        for (const each of live) {
            new MutationObserver(() => window.said.push(each.textContent))
                .observe(each, { childList: true, characterData: true, subtree: true });
        }
    }"""
    assert await live.count() > 0
    await dashboard.page.evaluate(said)
    await shop.minutes(3)
    await dashboard.until_series("orders:minute", await shop.history("orders:minute"))
    assert await dashboard.page.evaluate("() => window.said") == []
    hub = shop.gateway.service.hub
    await hub.drain(0)  # as once an hour, when a stream is of age
    await dashboard.until_connection("reconnecting")
    await dashboard.until_connection("live")
    assert await dashboard.page.evaluate("() => window.said") == []
    hub.refuse_more()
    await hub.drain(0)
    retry = dashboard.page.get_by_role("button", name="Try now")
    await expect(retry).to_be_visible(timeout=15_000)
    assert len(await dashboard.page.evaluate("() => window.said")) == 1


async def test_nothing_moves_for_those_who_do_not_want_it(browser: Browser, shop: Shop) -> None:
    async with open_visit(browser, shop.url, reduced_motion="reduce") as visit:
        dashboard = await visit.open(ALL_VIEWS)
        await dashboard.until_all_live()
        await dashboard.page.evaluate(
            """() => {
                window.moved = 0;
                const animate = Element.prototype.animate;
                Element.prototype.animate = function (...given) {
                    window.moved += 1;
                    return animate.apply(this, given);
                };
            }"""
        )
        await shop.minutes()
        await dashboard.until_series("orders:minute", await shop.history("orders:minute"))
        await dashboard.cell("orders").locator(".grip").press("ArrowRight")
        assert await dashboard.page.evaluate("() => window.moved") == 0
        transitions = """() => [...document.querySelectorAll('*')].filter(
            (each) => getComputedStyle(each).transitionDuration !== '0s'
                && getComputedStyle(each).transitionProperty !== 'none').length"""
        assert await dashboard.page.evaluate(transitions) == 0
