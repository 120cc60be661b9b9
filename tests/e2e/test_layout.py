"""Where things are and what they are called: rows, menus, pickers, paper."""

from __future__ import annotations

import asyncio
import shutil

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.e2e.browsing import ARGUMENTS, NAMES, Visit, open_visit
from tests.e2e.shop import Shop
from tests.e2e.test_boards import THREE, until_codes
from tests.world import execute

pytestmark = pytest.mark.slow

TWELVE = "#id=twelve&name=Twelve" + "&t=orders:minute" * 12


async def test_the_layout_comes_to_rest_at_any_height(shop: Shop) -> None:
    """Where a scrollbar takes room, as on Windows, it must not change what makes it come."""
    found = next(filter(None, map(shutil.which, NAMES)))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=found, args=ARGUMENTS, ignore_default_args=["--hide-scrollbars"]
        )
        async with open_visit(browser, shop.url) as visit:
            dashboard = await visit.open(TWELVE)
            await dashboard.until_all_live()
            for height in range(796, 824):
                await dashboard.page.set_viewport_size({"width": 1440, "height": height})
                changes = await dashboard.page.evaluate(
                    """async () => {
                        const grid = document.querySelector('#grid');
                        let changes = 0;
                        const watch = new MutationObserver((all) => { changes += all.length; });
                        watch.observe(grid, { attributeFilter: ['style'] });
                        for (let at = 0; at < 12; at += 1) {
                            await new Promise(requestAnimationFrame);
                        }
                        watch.disconnect();
                        return changes;
                    }"""
                )
                assert changes < 12, f"at {height} px"
        await browser.close()


async def test_a_second_press_closes_what_the_first_opened(visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    page = dashboard.page
    await dashboard.until_all_live()
    for opener, menu in (
        (page.locator("#boards"), page.locator(".boards-menu")),
        (dashboard.cell("orders").locator(".more"), page.locator(".tile-menu")),
    ):
        await opener.hover()
        await opener.click()
        await expect(menu).to_be_visible()
        await expect(opener).to_have_attribute("aria-expanded", "true")
        await opener.click()
        await expect(menu).to_be_hidden()
        await expect(opener).to_have_attribute("aria-expanded", "false")
        await opener.click()
        await expect(menu).to_be_visible()
        await page.keyboard.press("Escape")


async def test_a_deleted_board_can_be_put_back(visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    page = dashboard.page
    await dashboard.until_all_live()
    await page.locator("#boards").click()
    await page.get_by_role("button", name="Delete this board").click()
    await expect(page.locator("#board-name")).to_have_text("My board")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator("#board-name")).to_have_text("Three")
    await until_codes(dashboard, ["orders", "margin", "stock"])
    await page.reload()
    await until_codes(dashboard, ["orders", "margin", "stock"])


async def test_the_same_kpi_is_added_again_and_the_last_addition_undone(visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    page = dashboard.page
    await dashboard.until_all_live()
    await page.get_by_role("button", name="Add KPI").click()
    await page.keyboard.type("orders")
    await expect(page.get_by_role("option")).to_have_count(1)
    await page.keyboard.press("Enter")
    await until_codes(dashboard, ["orders", "margin", "stock", "orders"])
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await page.get_by_role("button", name="Undo").click()
    await until_codes(dashboard, ["orders", "margin", "stock"])


async def test_a_tile_is_duplicated_and_titled(visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    page = dashboard.page
    await dashboard.until_all_live()
    menu = await dashboard.open_menu("orders")
    await menu.get_by_role("textbox", name="Title").fill("Packed, all halls")
    await page.keyboard.press("Tab")
    await expect(dashboard.tile("orders:minute").locator("h2")).to_have_text("Packed, all halls")
    await menu.get_by_role("button", name="Duplicate").click()
    await until_codes(dashboard, ["orders", "orders", "margin", "stock"])
    await page.reload()
    await until_codes(dashboard, ["orders", "orders", "margin", "stock"])
    await expect(page.locator("kpi-tile h2", has_text="Packed, all halls")).to_have_count(2)


async def test_each_period_keeps_its_range(visit: Visit) -> None:
    dashboard = await visit.open("#id=r&name=R&t=orders:minute,line,2x2,1440")
    await dashboard.until_all_live()
    await dashboard.choose("orders", "day")
    await expect(dashboard.tile("orders:day")).to_have_attribute("depth", "60")
    menu = await dashboard.open_menu("orders")
    await expect(menu.get_by_label("60 d", exact=True)).to_be_checked()
    await dashboard.page.keyboard.press("Escape")
    await dashboard.choose("orders", "minute")
    await expect(dashboard.tile("orders:minute")).to_have_attribute("depth", "1440")


async def test_a_range_from_a_link_is_among_the_choices(visit: Visit) -> None:
    dashboard = await visit.open("#id=r&name=R&t=orders:minute,line,2x2,100")
    await dashboard.until_all_live()
    menu = await dashboard.open_menu("orders")
    await expect(menu.get_by_label("100", exact=True)).to_be_checked()


async def test_controls_are_named_after_what_the_catalogue_says(visit: Visit) -> None:
    dashboard = await visit.open("#id=e&name=Empty")
    page = dashboard.page
    await page.get_by_role("button", name="Choose KPIs").click()
    await page.keyboard.type("packed")
    await expect(page.get_by_role("option")).to_have_count(1)
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    more = dashboard.cell("orders").locator(".more")
    await expect(more).to_have_attribute("aria-label", "Change Orders packed")


async def test_every_tile_is_on_paper(visit: Visit) -> None:
    dashboard = await visit.open("#id=p&name=P" + "&t=orders:minute,line,2x2" * 14)
    await dashboard.until_all_live()
    drawn = """() => [...document.querySelectorAll('kpi-tile')]
        .filter((tile) => tile.shadowRoot.querySelector('.chart')).length"""
    assert await dashboard.page.evaluate(drawn) < 14
    await dashboard.page.emulate_media(media="print")
    await dashboard.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert await dashboard.page.evaluate(drawn) == 14
    pdf = await dashboard.page.pdf(format="A4")
    assert len(pdf) > 10_000
    await expect(dashboard.page.get_by_role("button", name="Add KPI")).to_be_hidden()


async def test_a_tile_and_a_board_are_saved_as_pictures(visit: Visit) -> None:
    dashboard = await visit.open("#id=p&name=Hall 2&t=orders:minute,line,2x2&t=stock:minute")
    page = dashboard.page
    await dashboard.until_all_live()
    await expect(dashboard.tile("orders:minute").locator("canvas")).to_be_visible()
    sizes = []
    menu = await dashboard.open_menu("orders")
    async with page.expect_download() as downloading:
        await menu.get_by_role("button", name="Save as picture").click()
    download = await downloading.value
    assert download.suggested_filename == "Orders-packed.png"
    sizes.append((await download.path()).stat().st_size)
    await page.locator("#boards").click()
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Save as picture").click()
    download = await downloading.value
    assert download.suggested_filename == "Hall-2.png"
    sizes.append((await download.path()).stat().st_size)
    assert all(size > 8_000 for size in sizes), sizes


async def test_a_dashboard_in_a_folder_keeps_boards_of_its_own(visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    await dashboard.until_all_live()
    keys = await dashboard.page.evaluate("() => Object.keys(localStorage)")
    assert "kpi-stream boards" in keys


async def test_the_chosen_colours_are_there_before_anything_is_painted(visit: Visit) -> None:
    await visit.context.add_init_script("localStorage.setItem('kpi-stream theme', 'dark')")
    await visit.context.route("**/*.js", lambda route: route.abort())
    dashboard = await visit.open(THREE)
    scheme = "() => getComputedStyle(document.documentElement).colorScheme"
    assert await dashboard.page.evaluate(scheme) == "dark"


async def test_a_browser_that_is_too_old_says_so(visit: Visit) -> None:
    await visit.context.add_init_script("delete Array.prototype.findLast")
    # What such a browser says of our modules is not the point.
    await visit.context.route("**/*.js", lambda route: route.abort())
    dashboard = await visit.open(THREE)
    await expect(dashboard.page.get_by_role("alert")).to_contain_text("too old")


async def test_one_without_the_newest_array_methods_works(visit: Visit) -> None:
    await visit.context.add_init_script(
        "for (const name of ['toSorted', 'toReversed', 'toSpliced']) delete Array.prototype[name]"
    )
    dashboard = await visit.open(THREE)
    await dashboard.until_all_live()


async def test_a_ranked_list_follows_its_pattern(shop: Shop, visit: Visit) -> None:
    for code, value in (("plant1.a", 5.0), ("plant1.b", 9.0), ("plant2.a", 7.0)):
        await shop.write([(code, shop.now - 100, value)])
    await shop.silence()
    dashboard = await visit.open(
        "#id=g&name=G&t=plant1.*:minute,rank,2x2&t=plant1.*:minute,status,2x2"
    )
    page = dashboard.page
    rank = page.locator("kpi-group[view=rank] li .what")
    await expect(rank).to_have_text(["plant1.b", "plant1.a"])
    await expect(page.locator("kpi-group[view=status] li")).to_have_count(2)
    await shop.write([("plant1.c", shop.now, 20.0)])
    await shop.silence()
    # The page asks for the catalogue each five minutes, and the server keeps it for a while.
    ask = """async () => {
        const start = document.querySelector('script[src*=start]').src;
        const { openStream } = await import(start.replace('start.js', 'stream/open.js'));
        await openStream().catalogue({ fresh: true });
    }"""
    async with asyncio.timeout(30):
        while await rank.count() < 3:
            await page.evaluate(ask)
            await page.wait_for_timeout(500)
    await expect(rank).to_have_count(3)


async def test_several_kpis_are_drawn_in_one_chart(shop: Shop, visit: Visit) -> None:
    dashboard = await visit.open("#id=m&name=M&t=orders:minute,line,2x2")
    await dashboard.until_all_live()
    menu = await dashboard.open_menu("orders")
    await menu.get_by_label("Add a KPI to this chart").select_option("stock")
    keys = dashboard.tile("orders:minute").locator(".keys span")
    await expect(keys).to_have_text(["Orders packed", "Stock"])
    await dashboard.page.reload()
    await expect(keys).to_have_text(["Orders packed", "Stock"])
    await dashboard.until_all_live()


async def test_headings_and_texts_stand_between_tiles(visit: Visit) -> None:
    dashboard = await visit.open("#id=h&name=H")
    page = dashboard.page
    await page.get_by_role("button", name="Choose KPIs").click()
    await page.get_by_role("button", name="Add heading").click()
    cell = page.locator(".cell[data-view=heading]")
    await cell.hover()
    await cell.locator(".more").click()
    await page.locator(".tile-menu").get_by_role("textbox", name="Words").fill("Hall 2")
    await page.keyboard.press("Tab")
    await expect(cell).to_contain_text("Hall 2")
    await page.reload()
    await expect(cell).to_contain_text("Hall 2")


@pytest.mark.parametrize("name", ["decimals", "name"])
async def test_a_catalogue_of_somebody_else_may_lack_what_it_likes(
    shop: Shop, visit: Visit, name: str
) -> None:
    await execute(shop.gateway.database, f"UPDATE kpi_catalog SET {name} = NULL")
    dashboard = await visit.open(THREE)
    await dashboard.until_all_live()


async def test_a_worker_that_is_refused_is_done_without(browser: Browser, shop: Shop) -> None:
    for refusal in (
        """globalThis.SharedWorker = class {
            constructor() { throw new DOMException('no', 'SecurityError'); }
        }""",
        """globalThis.SharedWorker = class extends EventTarget {
            constructor() { super(); this.port = new MessageChannel().port1;
                setTimeout(() => this.onerror?.(new Event('error')), 5); }
        }""",
    ):
        async with open_visit(browser, shop.url) as visit:
            await visit.context.add_init_script(refusal)
            dashboard = await visit.open(THREE)
            await dashboard.until_all_live()
            assert shop.streams == 1
