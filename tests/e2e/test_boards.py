"""Filling, arranging, sharing and keeping boards."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.browsing import Dashboard, Visit, open_visit
from tests.e2e.shop import Shop

pytestmark = pytest.mark.slow

THREE = "#id=three&name=Three&t=orders:minute&t=margin:minute&t=stock:minute"


async def until_codes(dashboard: Dashboard, expected: list[str]) -> None:
    """Wait until the tiles are these, in this order."""
    await dashboard.page.wait_for_function(
        """(expected) => JSON.stringify(expected) === JSON.stringify(
            [...document.querySelectorAll('kpi-tile')].map((tile) => tile.code))""",
        arg=expected,
    )


async def test_kpis_are_searched_and_added_with_the_keyboard_alone(visit: Visit) -> None:
    dashboard = await visit.open("#id=e&name=Empty")
    page = dashboard.page
    await expect(page.get_by_text("This board is empty")).to_be_visible()
    await page.get_by_role("button", name="Choose KPIs").press("Enter")
    await page.keyboard.type("cycle")
    await expect(page.get_by_role("option")).to_have_count(1)
    await page.keyboard.press("Enter")
    await page.get_by_role("combobox").fill("")
    await expect(page.get_by_role("option")).to_have_count(7)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    await until_codes(dashboard, ["cycle_time", "orders"])
    await dashboard.until_all_live()


async def test_a_removed_tile_can_be_put_back(visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    await dashboard.until_all_live()
    menu = await dashboard.open_menu("margin")
    await menu.get_by_role("button", name="Remove").click()
    await until_codes(dashboard, ["orders", "stock"])
    await dashboard.page.get_by_role("button", name="Undo").click()
    await until_codes(dashboard, ["orders", "margin", "stock"])
    await dashboard.until_all_live()


async def test_tiles_are_dragged_into_another_order(shop: Shop, visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    await dashboard.until_all_live()
    page = dashboard.page
    await dashboard.tile("orders:minute").locator("h2").hover()
    await page.mouse.down()
    box = await dashboard.cell("stock").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 100, box["y"] + 100, steps=8)
    await page.mouse.up()
    await until_codes(dashboard, ["margin", "stock", "orders"])
    assert await dashboard.states() == ["live"] * 3, "moving a tile must not start it anew"
    await shop.minutes()
    for channel in ("orders:minute", "margin:minute", "stock:minute"):
        await dashboard.until_series(channel, await shop.history(channel))
    await page.reload()
    await until_codes(dashboard, ["margin", "stock", "orders"])


async def test_a_drag_that_is_given_up_changes_nothing(visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    await dashboard.until_all_live()
    page = dashboard.page
    await dashboard.tile("orders:minute").locator("h2").hover()
    await page.mouse.down()
    box = await dashboard.cell("stock").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 100, box["y"] + 100, steps=8)
    await page.keyboard.press("Escape")
    await page.mouse.up()
    await until_codes(dashboard, ["orders", "margin", "stock"])
    await page.reload()
    await until_codes(dashboard, ["orders", "margin", "stock"])


async def test_tiles_are_moved_resized_and_removed_with_the_keyboard(visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    await dashboard.until_all_live()
    page = dashboard.page
    grip = dashboard.cell("orders").locator(".grip")
    await grip.focus()
    await page.keyboard.press("ArrowRight")
    await until_codes(dashboard, ["margin", "orders", "stock"])
    await expect(grip).to_be_focused()
    await expect(page.locator("#aloud")).to_have_text("Orders packed: place 2 of 3")
    await page.keyboard.press("Shift+ArrowRight")
    await page.keyboard.press("Shift+ArrowDown")
    await expect(page).to_have_url(re.compile("orders:minute,2x2"))
    await page.keyboard.press("Delete")
    await until_codes(dashboard, ["margin", "stock"])


async def test_tiles_are_resized_with_the_pointer(visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    await dashboard.until_all_live()
    page = dashboard.page
    before = await dashboard.cell("orders").bounding_box()
    assert before is not None
    await page.mouse.move(before["x"] + before["width"] - 4, before["y"] + before["height"] - 4)
    await page.mouse.down()
    await page.mouse.move(before["x"] + 1.9 * before["width"], before["y"] + 20, steps=6)
    await page.mouse.up()
    await expect(page).to_have_url(re.compile("orders:minute,2x1"))
    await page.wait_for_timeout(300)  # the glide
    after = await dashboard.cell("orders").bounding_box()
    assert after is not None and after["width"] > 1.9 * before["width"]


async def test_the_whole_board_changes_its_period(visit: Visit, shop: Shop) -> None:
    dashboard = await visit.open(THREE)
    await dashboard.page.locator("#all-hour").check(force=True)
    for code in ("orders", "margin", "stock"):
        await dashboard.until_series(f"{code}:hour", await shop.history(f"{code}:hour"))


async def test_a_link_shows_the_board_to_somebody_else(
    browser: Browser, visit: Visit, shop: Shop
) -> None:
    mine = await visit.open(THREE)
    await mine.show_as("margin", "Line")
    await mine.choose("stock", "day")
    async with open_visit(browser, shop.url) as another:
        address = str(await mine.page.evaluate("location.href"))
        theirs = await another.open(address.removeprefix(shop.url))
        await expect(theirs.page.locator("#board-name")).to_have_text("Three")
        await expect(theirs.tile("margin:minute")).to_have_attribute("view", "line")
        await expect(theirs.tile("stock:day")).to_be_visible()
        # It is theirs from now on, without the link too.
        await theirs.page.goto(shop.url)
        await expect(theirs.page.locator("#board-name")).to_have_text("Three")


async def test_boards_are_named_added_switched_and_deleted(visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    page = dashboard.page
    name = page.locator("#board-name")
    opener = page.locator("#boards")
    await opener.click()
    await page.get_by_label("Name of this board").fill("Packing <b>hall</b>")
    await page.keyboard.press("Enter")
    await expect(name).to_have_text("Packing <b>hall</b>")
    await page.get_by_role("button", name="New board").click()
    await expect(name).to_have_text("Board 2")
    await opener.click()
    await page.get_by_role("button", name="Packing <b>hall</b>").click()
    await until_codes(dashboard, ["orders", "margin", "stock"])
    await page.go_back()
    await expect(name).to_have_text("Board 2")
    await opener.click()
    await page.get_by_role("button", name="Delete this board").click()
    await expect(name).to_have_text("Packing <b>hall</b>")


async def test_a_board_is_saved_as_a_file_and_loaded_again(
    browser: Browser, visit: Visit, shop: Shop, tmp_path: Path
) -> None:
    dashboard = await visit.open(THREE)
    await dashboard.page.locator("#boards").click()
    async with dashboard.page.expect_download() as downloading:
        await dashboard.page.get_by_role("button", name="Save as file").click()
    file = tmp_path / "three.json"
    await (await downloading.value).save_as(file)
    assert [tile["code"] for tile in json.loads(file.read_text())["tiles"]] == [
        "orders",
        "margin",
        "stock",
    ]
    async with open_visit(browser, shop.url) as another:
        theirs = await another.open("#id=mine&name=Mine")
        await theirs.page.locator("#boards").click()
        async with theirs.page.expect_file_chooser() as choosing:
            await theirs.page.get_by_role("button", name="Load a file").click()
        await (await choosing.value).set_files(file)
        await expect(theirs.page.locator("#board-name")).to_have_text("Three")
        await until_codes(theirs, ["orders", "margin", "stock"])


async def test_two_tabs_of_one_board_stay_the_same(visit: Visit) -> None:
    first = await visit.open(THREE)
    second = await visit.open(THREE)
    await first.choose("orders", "hour")
    await expect(second.tile("orders:hour")).to_be_visible()
    menu = await second.open_menu("margin")
    await menu.get_by_role("button", name="Remove").click()
    await expect(first.page.locator("kpi-tile")).to_have_count(2)


async def test_a_tab_that_was_told_nothing_keeps_the_other_tabs_boards(visit: Visit) -> None:
    """As one that was frozen, or went back and forth in its history."""
    deaf = "addEventListener('storage', (event) => event.stopImmediatePropagation(), true)"
    first = await visit.open(THREE)
    await first.page.add_init_script(deaf)
    await first.page.reload()
    await first.until_all_live()
    second = await visit.open("#id=two&name=Two&t=returns:minute")
    await second.choose("returns", "hour")
    await first.choose("orders", "hour")
    kept = json.loads(await first.page.evaluate("localStorage.getItem('kpi-stream boards')"))
    assert [(board["name"], board["tiles"][0]["period"]) for board in kept] == [
        ("Three", "hour"),
        ("Two", "hour"),
    ]


async def test_an_old_bookmark_does_not_overwrite_the_board(visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    await dashboard.choose("orders", "hour")
    for _ in range(2):
        bookmark = await visit.open(THREE)
        await expect(bookmark.page.locator("#board-name")).to_have_text("Three (from a link)")
        await expect(bookmark.tile("orders:minute")).to_be_visible()
    notice = bookmark.page.locator("#notice")
    await expect(notice).to_contain_text("This link shows another version of “Three”")
    await bookmark.until_all_live()
    await notice.get_by_role("button", name="Show mine").click()
    await expect(bookmark.tile("orders:hour")).to_be_visible()
    assert await kept(bookmark) == [("Three", "hour"), ("Three (from a link)", "minute")]
    # Also where the page is open already, which then only hears of another address.
    await bookmark.page.goto(visit.url + THREE)
    await expect(bookmark.page.locator("#board-name")).to_have_text("Three (from a link)")
    await expect(dashboard.tile("orders:hour")).to_be_visible()
    assert await kept(bookmark) == [("Three", "hour"), ("Three (from a link)", "minute")]


async def test_the_way_back_leads_to_a_board_as_it_is_now(visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    page = dashboard.page
    await page.locator("#boards").click()
    await page.get_by_role("button", name="Duplicate").click()
    await expect(page.locator("#board-name")).to_have_text("Three (copy)")
    another = await visit.open(THREE)
    await another.choose("orders", "hour")
    await page.go_back()
    await expect(page.locator("#board-name")).to_have_text("Three")
    await expect(dashboard.tile("orders:hour")).to_be_visible()
    await page.reload()
    await expect(dashboard.tile("orders:hour")).to_be_visible()
    assert await kept(dashboard) == [("Three", "hour"), ("Three (copy)", "minute")]


async def kept(dashboard: Dashboard) -> list[tuple[str, str]]:
    """Return the boards that the browser keeps, and the period of the first tile of each."""
    boards = json.loads(await dashboard.page.evaluate("localStorage['kpi-stream boards']"))
    return [(board["name"], board["tiles"][0]["period"]) for board in boards]


async def test_another_tabs_change_touches_only_what_it_changed(shop: Shop, visit: Visit) -> None:
    first = await visit.open("#id=z&name=Z&t=orders:minute,line,2x2&t=margin:minute&t=stock:minute")
    second = await visit.open(
        "#id=z&name=Z&t=orders:minute,line,2x2&t=margin:minute&t=stock:minute"
    )
    await first.until_all_live()
    orders = first.tile("orders:minute")
    await expect(orders.locator("canvas")).to_be_visible()
    await orders.locator(".plot").press("+")
    whole = orders.get_by_role("button", name="Whole range")
    await expect(whole).to_be_visible()
    menu = await first.open_menu("stock")
    await second.choose("margin", "hour")
    await second.cell("orders").locator(".grip").press("ArrowRight")
    await until_codes(first, ["margin", "orders", "stock"])
    await expect(first.tile("margin:hour")).to_be_visible()
    await expect(whole).to_be_visible()
    # What is chosen in the menu that was open meanwhile goes to its tile.
    await menu.get_by_label("Table", exact=True).check(force=True)
    await expect(first.tile("stock:minute").locator("tbody tr").first).to_be_visible()
    await expect(second.tile("stock:minute")).to_have_attribute("view", "table")


async def test_what_is_put_back_goes_to_its_own_board(visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    page = dashboard.page
    menu = await dashboard.open_menu("margin")
    await menu.get_by_role("button", name="Remove").click()
    await page.locator("#boards").click()
    await page.get_by_role("button", name="New board").click()
    await expect(page.locator("#board-name")).to_have_text("Board 2")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator("#board-name")).to_have_text("Three")
    await until_codes(dashboard, ["orders", "margin", "stock"])


async def test_what_is_no_board_breaks_nothing(visit: Visit, tmp_path: Path) -> None:
    await visit.context.add_init_script(
        "localStorage.setItem('kpi-stream boards', '[7, {\"id\": 1, \"tiles\": {}}, null')"
    )
    dashboard = await visit.open("#%%%=&id=&t=%zz&t=" + "x" * 500)
    await expect(dashboard.page.locator("#board-name")).to_have_text("Board")
    for garbage in ("", "{", "[]", '{"tiles": 5}', "\x00\xff"):
        file = tmp_path / "garbage.json"
        file.write_text(garbage, encoding="latin-1")
        await dashboard.page.locator("#boards").click()
        async with dashboard.page.expect_file_chooser() as choosing:
            await dashboard.page.get_by_role("button", name="Load a file").click()
        await (await choosing.value).set_files(file)
        await expect(dashboard.page.locator("#notice")).to_contain_text("has no board in it")
    await expect(dashboard.page.locator("#board-name")).to_have_text("Board")


async def test_a_kpi_that_the_server_does_not_know_spoils_no_other(visit: Visit) -> None:
    dashboard = await visit.open("#id=x&name=X&t=orders:minute&t=never_heard_of:minute")
    await dashboard.until_states(["live", "unknown"])


async def test_the_wall_fills_the_screen_and_shows_each_board_in_turn(visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    page = dashboard.page
    await page.locator("#boards").click()
    await page.get_by_role("button", name="Duplicate").click()
    await page.goto(f"{visit.url}?wall=5")
    await expect(page.locator("#board-name")).to_have_text("Three")
    await expect(page.get_by_role("button", name="Add KPI")).to_be_hidden()
    bottom = await page.evaluate("() => document.documentElement.scrollHeight - innerHeight")
    assert bottom == 0, "a wall does not scroll"
    await expect(page.locator("#board-name")).to_have_text("Three (copy)", timeout=10_000)
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Add KPI")).to_be_visible()


async def test_the_wall_keeps_the_screen_awake(visit: Visit) -> None:
    await visit.context.add_init_script(
        """window.held = [];
        Object.defineProperty(navigator, 'wakeLock', { value: { request: async (kind) => {
            window.held.push(kind);
            return { release: async () => { window.held.pop(); } };
        } } });"""
    )
    dashboard = await visit.open(THREE)
    page = dashboard.page
    await dashboard.until_all_live()
    assert await page.evaluate("window.held") == []
    await page.get_by_role("button", name="Fill the screen").click()
    await page.wait_for_function("() => window.held.join() === 'screen'")
    # The browser lets go of it while the page is hidden.
    await page.evaluate(
        "() => { window.held = []; document.dispatchEvent(new Event('visibilitychange')); }"
    )
    await page.wait_for_function("() => window.held.join() === 'screen'")
    await page.keyboard.press("Escape")
    await page.wait_for_function("() => window.held.length === 0")
