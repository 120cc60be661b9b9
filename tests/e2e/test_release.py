"""A new release reaches the pages that are open, and no two ever meet in one page."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.browsing import Dashboard, open_visit
from tests.e2e.server_process import free_port, serving

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
VERSION = "() => document.querySelector('meta[name=kpi-version]').content"
MODULES = """() => [...new Set(performance.getEntriesByType('resource')
    .map(({ name }) => new URL(name).pathname.split('/')[1])
    .filter((folder) => folder.startsWith('web')))]"""


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """The program with another page."""
    for name in ("app", "queries", "web"):
        shutil.copytree(ROOT / name, tmp_path / "next" / name)
    style = tmp_path / "next" / "web" / "style.css"
    style.write_text(style.read_text(encoding="utf-8") + "/* next */\n", encoding="utf-8")
    return tmp_path / "next"


async def version_of(dashboard: Dashboard) -> str:
    return str(await dashboard.page.evaluate(VERSION))


@pytest.mark.timeout(180)
@pytest.mark.alone
async def test_an_upgrade_reaches_walls_and_leaves_who_works_alone(
    browser: Browser, database_url: str, next_release: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    async with open_visit(browser, url) as screen, open_visit(browser, url) as desk:
        async with serving(database_url, port) as server:
            # Rows of the minutes to come: this may take several, and a gap is not live.
            await server.write_history("orders", minutes=90, ahead=10)
            wall = await screen.open("?wall#id=w&name=Wall&t=orders:minute,line,2x2")
            page = await desk.open("#id=d&name=Desk&t=orders:minute")
            for dashboard in (wall, page):
                await dashboard.until_all_live()
                await dashboard.page.mouse.click(5, 400)
            before = await version_of(wall)
            server.kill()
        async with serving(database_url, port, next_release):
            async with asyncio.timeout(90):
                await wall.page.wait_for_function(
                    f"(before) => ({VERSION})() !== before", arg=before, timeout=90_000
                )
            await wall.until_all_live()
            await expect(wall.page.locator("#board-name")).to_have_text("Wall")
            await expect(wall.page.get_by_role("button", name="Add KPI")).to_be_hidden()
            after = await version_of(wall)
            assert await wall.page.evaluate(MODULES) == [f"web.{after}"]
            # Somebody was at the other page less than a minute ago, who is asked.
            notice = page.page.locator("#notice")
            await expect(notice).to_contain_text("new version", timeout=40_000)
            assert await version_of(page) == before
            await notice.get_by_role("button", name="Load it now").click()
            await page.until_all_live()
            assert await version_of(page) == after
            await expect(page.page.locator("#board-name")).to_have_text("Desk")
