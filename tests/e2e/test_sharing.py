"""One stream for all tabs of a browser."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from app.models import Channel, Period
from app.settings import Settings
from tests.e2e.browsing import Dashboard, open_visit
from tests.e2e.shop import NOON, Shop, fill_many
from tests.running import open_gateway, until

pytestmark = pytest.mark.slow

TABS = 10
TILES = 50


def board(codes: list[str], period: str = "minute") -> str:
    return "#id=many&name=Many&" + "&".join(f"t={code}:{period}" for code in codes)


async def test_ten_tabs_of_fifty_tiles_share_one_stream(
    browser: Browser, quick_settings: Settings
) -> None:
    async with open_gateway(quick_settings) as gateway:
        shop = Shop(gateway)
        codes = await fill_many(shop, TILES)
        async with open_visit(browser, shop.url) as visit:
            tabs = [await visit.open(board(codes)) for _ in range(TABS)]
            for tab in tabs:
                await until_all_have(tab, NOON // 60 * 60 - 60)
            assert shop.streams == 1
            await shop.write([(code, shop.now, 77.0) for code in codes])
            await shop.silence()
            for tab in tabs:
                await until_all_have(tab, NOON // 60 * 60)
            for code in (codes[0], codes[-1]):
                expected = await shop.history(f"{code}:minute")
                assert expected[-1][1] == 77.0
                await tabs[0].until_series(f"{code}:minute", expected)
            assert shop.streams == 1
            for tab in tabs[1:]:
                await tab.page.close()
            await shop.silence()
            await until_all_have(tabs[0], NOON // 60 * 60 + 60)
            assert shop.streams == 1
        await until(lambda: shop.streams == 0)


async def test_more_channels_than_a_stream_carries_take_more_streams(
    browser: Browser, quick_settings: Settings
) -> None:
    async with open_gateway(quick_settings) as gateway:
        shop = Shop(gateway)
        codes = await fill_many(shop, 150, minutes=3)
        channels = board(codes) + "".join(f"&t={code}:hour" for code in codes)
        async with open_visit(browser, shop.url) as visit:
            dashboard = await visit.open(channels)
            await until_all_have(dashboard, NOON // 60 * 60 - 60, period="minute")
            assert 2 <= shop.streams <= 5
            assert await dashboard.connection() == "live"


async def test_ten_tabs_of_other_kpis_leave_connections_for_the_rest(
    browser: Browser, quick_settings: Settings
) -> None:
    """A browser opens six to a host over HTTP/1.1; the longest codes fill a stream fastest."""
    async with open_gateway(quick_settings) as gateway:
        shop = Shop(gateway)
        codes = [f"{number:03}.".ljust(64, "x") for number in range(TABS * TILES)]
        await shop.gateway.hand.set(shop.now)
        await shop.write([(code, shop.now - 60, 1.0) for code in codes])
        async with open_visit(browser, shop.url) as visit:
            tabs = [
                await visit.open(board(codes[first : first + TILES]))
                for first in range(0, len(codes), TILES)
            ]
            for tab in tabs:
                await until_all_have(tab, NOON // 60 * 60 - 60)
            await shop.write([(code, shop.now, 77.0) for code in codes])
            await shop.silence()
            for tab in tabs:
                await until_all_have(tab, NOON // 60 * 60)
            assert shop.streams <= 4
            assert await tabs[0].connection() == "live"


async def test_a_channel_that_no_tab_needs_is_left(browser: Browser, shop: Shop) -> None:
    async with open_visit(browser, shop.url) as visit:
        first = await visit.open("#id=a&name=A&t=orders:minute")
        second = await visit.open("#id=b&name=B&t=orders:minute&t=stock:minute")
        await second.until_all_live()
        hub = shop.gateway.service.hub
        orders, stock = Channel("orders", Period.MINUTE), Channel("stock", Period.MINUTE)
        assert hub.live(orders) and hub.live(stock)
        await second.page.close()
        await until(lambda: hub.live(stock) is None and hub.live(orders) is not None)
        await first.until_all_live()
        await first.choose("orders", "hour")
        await first.until_all_live()
        await until(lambda: hub.live(orders) is None)


async def until_all_have(dashboard: Dashboard, start: int, *, period: str = "") -> None:
    """Wait until the newest bucket of all tiles starts at `start`."""
    await dashboard.page.wait_for_function(
        """([start, period]) => {
            const tiles = [...document.querySelectorAll('kpi-tile')]
                .filter((tile) => tile.channel.endsWith(period));
            return tiles.length > 0 && tiles.every((t) => t.points.at(-1)?.start === start * 1000);
        }""",
        arg=[start, period],
    )
