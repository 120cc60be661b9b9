"""What a person with a browser does, and that nothing goes wrong unseen meanwhile."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    async_playwright,
    expect,
)

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # This list takes the place of Playwright's, whose own are in it. The address bar's popups are
    # pages too, and each window would load them, which costs more than most of our pages.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,AvoidUnnecessaryBeforeUnloadCheckSync,"
    "DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,LensOverlay,"
    "MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,OptimizationHints,"
    "NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch",
]

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

TIMEOUT_MILLISECONDS = 15_000

SERIES = """
([channel, history]) => {
  const tiles = [...document.querySelectorAll('kpi-tile')];
  const tile = tiles.find((each) => each.channel === channel);
  if (!tile) return null;
  return tile.points.slice(-history).map((p) => [
    p.start / 1000, p.value, p.points, p.min, p.max
  ]);
}
"""

STATES = """
() => [...document.querySelectorAll('kpi-tile')]
  .filter((tile) => {
    const { top, bottom } = tile.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  })
  .map((tile) => tile.shadowRoot.querySelector('.tile').dataset.state)
"""
"""How the tiles are that can be seen; the others are not drawn."""


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """Start the system's Chromium."""
    found = next(filter(None, map(shutil.which, NAMES)))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Visit:
    """One browser profile at one address."""

    context: BrowserContext
    url: str
    faults: list[str] = field(default_factory=list)

    async def open(self, path: str = "") -> Dashboard:
        page = await self.context.new_page()
        page.set_default_timeout(TIMEOUT_MILLISECONDS)
        page.on("pageerror", lambda error: self.faults.append(f"{error.name}: {error.message}"))
        page.on("console", self._listen)
        await page.goto(self.url + path)
        return Dashboard(page)

    def _listen(self, message: ConsoleMessage) -> None:
        # What the network does to a page is logged by the browser itself, and is no fault of ours.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(message.text)


@dataclass
class Dashboard:
    """The page in one tab."""

    page: Page

    def tile(self, channel: str) -> Locator:
        return self.page.locator(f'kpi-tile[channel="{channel}"]')

    def cell(self, code: str) -> Locator:
        return self.page.locator(f'.cell:has(kpi-tile[channel^="{code}:"])')

    def number(self, channel: str) -> Locator:
        return self.tile(channel).locator(".digits")

    async def states(self) -> list[str]:
        return list(await self.page.evaluate(STATES))

    async def connection(self) -> str:
        return await self.page.locator("#connection").get_attribute("data-state") or ""

    async def until_connection(self, state: str, *, seconds: float = 15) -> None:
        selector = f'#connection[data-state="{state}"]'
        await self.page.wait_for_selector(selector, timeout=seconds * 1000)

    async def until_all_live(self, *, seconds: float = 15) -> None:
        await self.page.wait_for_function(
            f"() => {{ const s = ({STATES})(); return s.length && s.every((x) => x === 'live') }}",
            timeout=seconds * 1000,
        )

    async def until_all(self, state: str) -> None:
        await self.page.wait_for_function(
            f"(state) => {{ const s = ({STATES})(); return s[0] && s.every((x) => x === state) }}",
            arg=state,
        )

    async def until_states(self, states: list[str]) -> None:
        await self.page.wait_for_function(
            f"(states) => JSON.stringify(({STATES})()) === states",
            arg=json.dumps(states, separators=(",", ":")),
        )

    async def series(self, channel: str, history: int = 60) -> list[list[float | None]]:
        return list(await self.page.evaluate(SERIES, [channel, history]))

    async def until_series(self, channel: str, expected: list[list[float | None]]) -> None:
        """Wait until a tile's series is exactly what is expected."""
        await self.page.wait_for_function(
            # Not async: a promise would be taken for true.
            f"""([channel, history, expected]) => JSON.stringify(expected)
                === JSON.stringify(({SERIES})([channel, history]))""",
            arg=[channel, len(expected), expected],
        )

    async def choose(self, code: str, period: str) -> None:
        # By its label, as a hand does: it is clicked only once the board has come to rest.
        await self.cell(code).hover()
        choice = f'input[value="{period}"]'
        await self.cell(code).locator(f"label:has({choice})").click()
        await expect(self.cell(code).locator(choice)).to_be_checked()

    async def open_menu(self, code: str) -> Locator:
        await self.cell(code).hover()
        await self.cell(code).locator(".more").click()
        return self.page.locator(".tile-menu")

    async def show_as(self, code: str, view: str) -> None:
        menu = await self.open_menu(code)
        await menu.get_by_label(view, exact=True).check(force=True)
        await self.page.keyboard.press("Escape")


@asynccontextmanager
async def open_visit(browser: Browser, url: str, **options: Any) -> AsyncIterator[Visit]:
    """Open a profile of its own; at the end it must have seen no error."""
    settings = {
        "locale": "en-GB",
        "timezone_id": "Europe/Berlin",
        "viewport": {"width": 1440, "height": 900},
    } | options
    context = await browser.new_context(**settings)
    visit = Visit(context, url)
    try:
        yield visit
    finally:
        try:
            await context.close()
        except Error:
            # The browser itself is gone, which a test of that has said already.
            visit.faults.append("the browser is gone")
    assert visit.faults == []
