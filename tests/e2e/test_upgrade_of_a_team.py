"""Two who edit a board, and a screen that shows it, while the server gets a new release."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.e2e.browsing import open_visit
from tests.e2e.server_process import free_port, serving
from tests.e2e.test_boards import THREE
from tests.e2e.test_release import MODULES, VERSION, next_release, version_of
from tests.e2e.test_shared_boards import publish

pytestmark = pytest.mark.slow

__all__ = ["next_release"]

# All load anew at once instead of spread over twenty seconds; the ids of boards are random still.
UNSPREAD = """const { setTimeout: wait } = window;
window.setTimeout = (act, ms, ...more) => wait(act, ms > 8_000 && ms <= 20_000 ? 0 : ms, ...more);
"""
# As after a minute in which nobody was at this page.
LATER = "() => { const { now } = Date; Date.now = () => now() + 61_000; }"
TILES = """() => [...document.querySelectorAll('kpi-tile')].map((tile) => tile.channel).join()"""


async def write_at_once(first: Page, second: Page) -> None:
    """Let what the first writes reach the server before what the second does, and neither alone."""
    written = [asyncio.Event(), asyncio.Event()]

    async def hold(route: Route, place: int) -> None:
        if route.request.method != "PUT":
            await route.fallback()
            return
        written[place].set()
        await written[1 - place].wait()
        if place == 1:
            await first_is_done.wait()
        response = await route.fetch()
        await route.fulfill(response=response)
        first_is_done.set()

    first_is_done = asyncio.Event()
    await first.route("**/boards/three", lambda route: hold(route, 0), times=1)
    await second.route("**/boards/three", lambda route: hold(route, 1), times=1)


async def until_tiles(page: Page, channels: str) -> None:
    await page.wait_for_function(f"(channels) => ({TILES})() === channels", arg=channels)


@pytest.mark.timeout(180)
@pytest.mark.alone
async def test_two_edit_a_screen_follows_and_an_upgrade_loses_nothing_of_it(
    browser: Browser,
    database_url: str,
    next_release: Path,
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    async with (
        open_visit(browser, url) as annas,
        open_visit(browser, url) as bens,
        open_visit(browser, url) as halls,
    ):
        for visit in (annas, bens, halls):
            await visit.context.add_init_script(UNSPREAD)
        async with serving(database_url, port) as server:
            for code in ("orders", "margin", "stock"):
                await server.write_history(code, minutes=90, ahead=10)
            anna = await annas.open(THREE)
            await anna.until_all_live()
            await publish(anna)
            ben, screen = await bens.open("b/three"), await halls.open("b/three?wall")
            for dashboard in (ben, screen):
                await until_tiles(dashboard.page, "orders:minute,margin:minute,stock:minute")
                await dashboard.until_all_live()
            await screen.page.evaluate("() => { window.notReloaded = true }")
            await write_at_once(anna.page, ben.page)
            await asyncio.gather(anna.choose("orders", "hour"), ben.choose("stock", "day"))
            await until_tiles(screen.page, "orders:hour,margin:minute,stock:minute")
            assert await screen.page.evaluate("window.notReloaded")
            notice = ben.page.locator("#notice")
            await expect(notice).to_contain_text("Somebody else has changed “Three” meanwhile")
            server.kill()
            await ben.until_connection("reconnecting")
            # Changed while nobody can be told of it.
            await anna.choose("margin", "hour")
        before = await version_of(screen)
        async with serving(database_url, port, next_release):
            for dashboard in (anna, screen):
                await until_tiles(dashboard.page, "orders:hour,margin:hour,stock:minute")
            for dashboard in (anna, ben):
                await dashboard.page.evaluate(LATER)
            for dashboard in (anna, ben, screen):
                await dashboard.page.wait_for_function(
                    f"(before) => ({VERSION})() !== before", arg=before, timeout=60_000
                )
            # What he was asked before the upgrade he is asked after it.
            await expect(notice).to_contain_text("Somebody else has changed “Three” meanwhile")
            await until_tiles(ben.page, "orders:minute,margin:minute,stock:day")
            await notice.get_by_role("button", name="Keep both").click()
            await expect(ben.page.locator("#board-name")).to_have_text("Three (mine)")
            await until_tiles(ben.page, "orders:minute,margin:minute,stock:day")
            await ben.page.locator("#boards").click()
            await (
                ben.page.locator(".boards-menu li", has_text="shared").get_by_role("button").click()
            )
            after = await version_of(screen)
            for dashboard in (anna, ben, screen):
                await until_tiles(dashboard.page, "orders:hour,margin:hour,stock:minute")
                assert await dashboard.page.evaluate(MODULES) == [f"web.{after}"]
            async with httpx.AsyncClient() as client:
                kept = (await client.get(f"{url}boards/three/versions")).json()["versions"]
            assert [each["version"] for each in kept] == [3, 2, 1]
