"""`make screenshots`: pictures of the page, taken from the real service, to be looked at.

The business is the demo's simulated one, and so is the machine here: a picture should not change
with the machine that it was taken on. They go to build/screenshots, and with `--readme` the ones
that the README shows to docs/images.
"""

from __future__ import annotations

import asyncio
import math
import random
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import Browser
from pydantic import SecretStr

from app.data import schema
from app.data.database import Database
from app.data.demo.catalogue import MACHINE
from app.data.demo.simulator import COMPUTED, SIMULATED, Simulator
from app.data.embedded.server import embedded_postgres
from app.settings import Settings
from tests.e2e.browsing import Dashboard, open_browser, open_visit
from tests.e2e.shop import Shop
from tests.running import open_gateway
from tests.world import SHADOW, at, execute, step, with_shadow

ROOT = Path(__file__).parents[2]
TAKEN = ROOT / "build" / "screenshots"
SHOWN = ROOT / "docs" / "images"
README = ("light", "dark", "phone", "wall")

AFTERNOON = at("2026-05-07T12:20:40+00:00")
DAYS = 7
LEVELS = {
    "cpu_utilisation": (34, 18),
    "memory_used": (61, 3),
    "load_average": (1.4, 0.8),
    "disk_read": (4, 3.5),
    "disk_write": (11, 6),
    "network_in": (1.8, 1.2),
    "network_out": (6, 3),
    "database_transactions": (140, 60),
}
WALL = {"width": 3840, "height": 2160}
PHONE = {"width": 320, "height": 720}


class Business(Shop):
    """The demo's KPIs on a clock of our own."""

    simulator = Simulator()
    random = random.Random(7)

    def value(self, code: str, at_seconds: int) -> float:
        if code not in LEVELS:
            return self.simulator.value(code, at_seconds)
        level, swing = LEVELS[code]
        wave = math.sin(at_seconds / 2900 + len(code)) + 0.4 * math.sin(at_seconds / 410)
        return max(0.0, level + swing * (0.5 * wave + 0.25 * self.random.gauss(0, 1)))

    async def fill(self) -> None:
        await self.gateway.hand.set(self.now)
        entries = [*MACHINE, *COMPUTED, *(kpi.entry for kpi in SIMULATED)]
        for entry in entries:
            await execute(
                self.gateway.database,
                "INSERT INTO kpi_catalog"
                " (code, name, unit, decimals, direction, target, simulated, warning, aggregate,"
                " formula) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
                " ON CONFLICT DO NOTHING",
                *(entry.code, entry.name, entry.unit, entry.decimals, entry.direction),
                *(entry.target, entry.simulated, entry.warning, entry.aggregate.value),
                entry.formula,
            )
        last = self.now // 60 * 60
        await self.write(
            [
                (entry.code, minute + second, self.value(entry.code, minute + second))
                for minute in range(last - DAYS * 86_400, last, 60)
                for entry in entries
                if entry.formula is None
                for second in ((5, 25, 45) if minute > last - 10_800 else (5,))
                if not (entry.code == "network_in" and 2_400 < last - minute < 3_300)
            ]
        )

    async def minute(self, *but: str) -> None:
        """Let a minute pass."""
        codes = [code for code in (*LEVELS, *self.simulator.codes) if code not in but]
        start = self.now // 60 * 60
        await self.write(
            [(code, start + s, self.value(code, start + s)) for code in codes for s in (5, 25, 45)]
        )
        await self.silence()


async def take(dashboard: Dashboard, name: str) -> None:
    await dashboard.page.mouse.move(0, 0)
    await asyncio.sleep(1.3)  # for what glides and fades, and for a ping that tells the time
    await dashboard.page.screenshot(path=TAKEN / f"{name}.png")


async def pictures(browser: Browser, business: Business) -> None:
    for scheme in ("light", "dark"):
        async with open_visit(browser, business.url, color_scheme=scheme) as visit:
            dashboard = await visit.open()
            await dashboard.until_all_live()
            await business.minute()
            await take(dashboard, scheme)
            if scheme == "light":
                await dashboard.page.get_by_role("button", name="Add KPI").click()
                await take(dashboard, "picker")
                await dashboard.page.keyboard.press("Escape")
                await dashboard.open_menu("cpu_utilisation")
                await take(dashboard, "menu")
    for scheme in ("light", "dark"):
        await views(browser, business, scheme)
        await states(browser, business, scheme)
    await sizes(browser, business)
    for scheme in ("light", "dark"):
        await troubles(browser, business, scheme)


def board(name: str, *tiles: str) -> str:
    return f"#id={name.lower()}&name={name}" + "".join(f"&t={tile}" for tile in tiles)


async def views(browser: Browser, business: Business, scheme: str) -> None:
    shown = board(
        "Views",
        "network_in:minute,line,2x2,120",
        "cpu_utilisation:minute,table,2x2",
        "revenue_per_minute:hour,bars,2x1,60",
        "order_cycle_time:minute,gauge",
        "return_rate:day",
    )
    async with open_visit(browser, business.url, color_scheme=scheme) as visit:
        dashboard = await visit.open(shown)
        await dashboard.until_all_live()
        await business.write([("network_in", business.now - 1_500, 9.0)])
        await business.silence(0)
        await step(business.gateway.service.hub)
        await dashboard.page.locator(".u-over").first.hover(position={"x": 300, "y": 80})
        await asyncio.sleep(1.3)
        await dashboard.page.screenshot(path=TAKEN / f"views-{scheme}.png")


async def states(browser: Browser, business: Business, scheme: str) -> None:
    """Show one of each status, and what shows many KPIs at once."""
    for code, target, warning in (
        ("cpu_utilisation", 80.0, 90.0),
        ("memory_used", 55.0, 70.0),
        ("load_average", 0.5, 0.8),
    ):
        await execute(
            business.gateway.database,
            "UPDATE kpi_catalog SET target = $1, warning = $2, direction = 'down' WHERE code = $3",
            *(target, warning, code),
        )
    shown = board(
        "Hall 2",
        ":minute,heading,named-Machines",
        "cpu_utilisation:minute",
        "memory_used:minute",
        "load_average:minute",
        "memory_used:minute,gauge",
        ":minute,heading,named-Compared",
        "cpu_utilisation:minute,line,2x2,vs-day",
        "disk_*:minute,rank,1x2",
        "*_*:minute,status,1x2",
        "disk_read:minute,line,2x1,with-disk_write",
        "revenue_per_minute:hour,bars,2x1,24",
    )
    async with open_visit(browser, business.url, color_scheme=scheme) as visit:
        dashboard = await visit.open(shown)
        await dashboard.page.set_viewport_size({"width": 1440, "height": 1100})
        await dashboard.until_all_live()
        await business.minute()
        await take(dashboard, f"states-{scheme}")
        await visit.context.add_init_script("delete globalThis.SharedWorker")
        await visit.context.route("**/stream?*", lambda _: asyncio.sleep(3))
        first = await visit.open(shown)
        await asyncio.sleep(0.6)
        await first.page.screenshot(path=TAKEN / f"first-load-{scheme}.png")


async def sizes(browser: Browser, business: Business) -> None:
    async with open_visit(browser, business.url, viewport=PHONE, device_scale_factor=2) as visit:
        dashboard = await visit.open()
        await dashboard.until_all_live()
        await take(dashboard, "phone")
    for name, size, scheme in (
        ("wall", WALL, "dark"),
        ("wall-light", WALL, "light"),
        ("wall-1080", {"width": 1920, "height": 1080}, "dark"),
    ):
        options: dict[str, Any] = {"viewport": size, "color_scheme": scheme}
        async with open_visit(browser, business.url, **options) as visit:
            dashboard = await visit.open("?wall")
            await dashboard.until_all_live()
            await take(dashboard, name)
    async with open_visit(browser, business.url, viewport=WALL) as visit:
        dashboard = await visit.open()
        await dashboard.until_all_live()
        await take(dashboard, "4k")
    async with open_visit(browser, business.url) as visit:
        dashboard = await visit.open("#id=empty&name=Night%20shift")
        await dashboard.until_connection("idle")
        await take(dashboard, "empty")


async def troubles(browser: Browser, business: Business, scheme: str) -> None:
    async with open_visit(browser, business.url, color_scheme=scheme) as visit:
        dashboard = await visit.open()
        await dashboard.until_all_live()
        for _ in range(3):
            await business.minute("cpu_utilisation", "order_backlog", "order_cycle_time")
        await take(dashboard, f"stale-{scheme}")
        hub = business.gateway.service.hub
        hub.refuse_more()
        await hub.drain(0)
        await dashboard.page.wait_for_selector("html.not-live", timeout=30_000)
        await take(dashboard, f"reconnecting-{scheme}")
        hub.draining = False
        await dashboard.until_connection("live", seconds=30)
        await business.minute()


async def main() -> None:
    TAKEN.mkdir(parents=True, exist_ok=True)
    async with embedded_postgres(Path(folder := TemporaryDirectory().name)) as url:
        settings = Settings(
            database_url=SecretStr(with_shadow(url)),
            heartbeat_seconds=1.0,
            timezone="Europe/Berlin",
        )
        async with Database(settings) as database:
            await schema.init(database, settings)
            await execute(database, SHADOW)
        async with open_gateway(settings) as gateway, open_browser() as browser:
            business = Business(gateway, AFTERNOON)
            await business.fill()
            await pictures(browser, business)
    shutil.rmtree(folder, ignore_errors=True)
    if "--readme" in sys.argv:
        SHOWN.mkdir(parents=True, exist_ok=True)
        for name in README:
            shutil.copy(TAKEN / f"{name}.png", SHOWN)


if __name__ == "__main__":
    asyncio.run(main())
