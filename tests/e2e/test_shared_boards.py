"""Boards that the server keeps: one address for all, changes seen at once, and nothing lost."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.browsing import Dashboard, Visit, open_visit
from tests.e2e.shop import Shop
from tests.e2e.test_boards import THREE, until_codes

pytestmark = pytest.mark.slow


async def publish(dashboard: Dashboard) -> None:
    await dashboard.page.locator("#boards").click()
    await dashboard.page.get_by_role("button", name="Share with the team").click()
    await expect(dashboard.page).to_have_url(re.compile(r"/b/three$"))


async def versions(shop: Shop, slug: str = "three") -> list[int]:
    return [board.version for board in await shop.gateway.service.boards.versions(slug)]


async def until_versions(shop: Shop, expected: list[int]) -> None:
    """Wait until the server has these versions of the board, deletions left out."""
    async with asyncio.timeout(15):
        while await versions(shop) != expected:  # noqa: ASYNC110  the page tells of it nowhere
            await asyncio.sleep(0.05)


async def test_two_edit_a_board_and_a_third_screen_follows(
    browser: Browser, visit: Visit, shop: Shop
) -> None:
    anna = await visit.open(THREE)
    await anna.until_all_live()
    await publish(anna)
    async with (
        open_visit(browser, shop.url) as second,
        open_visit(browser, shop.url) as third,
    ):
        ben = await second.open("b/three")
        screen = await third.open("b/three?wall")
        for dashboard in (ben, screen):
            await until_codes(dashboard, ["orders", "margin", "stock"])
            await dashboard.until_all_live()
        await screen.page.evaluate("() => { window.notReloaded = true }")
        await anna.choose("orders", "hour")
        for dashboard in (ben, screen):
            await expect(dashboard.tile("orders:hour")).to_be_visible()
        menu = await ben.open_menu("margin")
        await menu.get_by_role("button", name="Remove").click()
        for dashboard in (anna, screen):
            await until_codes(dashboard, ["orders", "stock"])
        assert await screen.page.evaluate("window.notReloaded")
        assert await versions(shop) == [3, 2, 1]


async def test_of_two_who_change_at_once_the_second_chooses(
    browser: Browser, visit: Visit, shop: Shop
) -> None:
    anna = await visit.open(THREE)
    await anna.until_all_live()
    await publish(anna)
    # Nobody tells this page of the change, as where its stream is just being taken up again.
    await anna.page.route("**/boards/three", lambda route: route.abort())
    board = await shop.gateway.service.boards.get("three")
    assert board.definition is not None
    await shop.gateway.service.boards.change("three", 1, "Theirs", board.definition)
    await anna.choose("orders", "day")
    await anna.page.unroute("**/boards/three")
    notice = anna.page.locator("#notice")
    await expect(notice).to_contain_text("Somebody else has changed “Three” meanwhile")
    await notice.get_by_role("button", name="Keep both").click()
    await expect(anna.page.locator("#board-name")).to_have_text("Three (mine)")
    await expect(anna.tile("orders:day")).to_be_visible()
    await anna.page.locator("#boards").click()
    await anna.page.get_by_role("button", name="Theirs").click()
    await expect(anna.tile("orders:minute")).to_be_visible()
    assert await versions(shop) == [2, 1]


async def test_an_earlier_version_is_restored_and_a_deletion_undone(
    visit: Visit, shop: Shop
) -> None:
    dashboard = await visit.open(THREE)
    page = dashboard.page
    await dashboard.until_all_live()
    await publish(dashboard)
    menu = await dashboard.open_menu("margin")
    await menu.get_by_role("button", name="Remove").click()
    await until_versions(shop, [2, 1])
    await page.locator("#boards").click()
    await page.get_by_role("button", name="Earlier versions").click()
    await page.get_by_role("button", name="Restore").click()
    await until_codes(dashboard, ["orders", "margin", "stock"])
    await until_versions(shop, [3, 2, 1])
    await page.locator("#boards").click()
    await page.get_by_role("button", name="Delete for all").click()
    await expect(page.locator("#board-name")).to_have_text("My board")
    await page.get_by_role("button", name="Undo").click()
    await expect(page).to_have_url(re.compile(r"/b/three$"))
    await until_codes(dashboard, ["orders", "margin", "stock"])
    await until_versions(shop, [5, 3, 2, 1])


async def test_a_board_that_is_not_there_is_said_to_be_so(visit: Visit) -> None:
    dashboard = await visit.open("b/nowhere")
    await expect(dashboard.page.locator("#notice")).to_contain_text("no board “nowhere”")


async def test_a_shared_board_is_found_in_the_list_of_boards(
    browser: Browser, visit: Visit, shop: Shop
) -> None:
    dashboard = await visit.open(THREE)
    await dashboard.until_all_live()
    await publish(dashboard)
    async with open_visit(browser, shop.url) as another:
        theirs = await another.open()
        await theirs.until_all_live()
        await theirs.page.locator("#boards").click()
        await theirs.page.get_by_role("button", name="Three").click()
        await expect(theirs.page).to_have_url(re.compile(r"/b/three$"))
        await until_codes(theirs, ["orders", "margin", "stock"])
