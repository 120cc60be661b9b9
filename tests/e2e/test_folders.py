"""The dashboard below a path, with and without its slash, and two of them on one host."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Route, expect

from app.settings import Settings
from tests.e2e.browsing import open_visit
from tests.e2e.shop import Shop
from tests.e2e.test_boards import THREE, until_codes
from tests.running import open_gateway, until

pytestmark = pytest.mark.slow


def below(folder: str, shop: Shop, origin: str) -> dict[str, Any]:
    """Return the route that strips a folder as a proxy does, and where it leads."""

    async def strip(route: Route) -> None:
        path = route.request.url.removeprefix(origin).removeprefix(folder)
        await route.continue_(url=shop.url + path.removeprefix("/"))

    return {"url": f"{origin}{folder}/**", "handler": strip}


async def test_a_folder_without_its_slash_shows_the_page(browser: Browser, shop: Shop) -> None:
    """As behind a proxy that strips the folder and knows of no slash."""
    origin = shop.url.removesuffix("/")
    async with open_visit(browser, shop.url) as visit:
        await visit.context.add_init_script("delete globalThis.SharedWorker")
        await visit.context.route(**below("/plant", shop, origin))

        async def bare(route: Route) -> None:
            await route.continue_(url=shop.url)

        await visit.context.route(f"{origin}/plant", bare)
        dashboard = await visit.open("plant" + THREE)
        await dashboard.until_all_live()
        await until_codes(dashboard, ["orders", "margin", "stock"])
        path = await dashboard.page.evaluate("() => location.pathname")
        assert path == "/plant/"
        keys = await dashboard.page.evaluate("() => Object.keys(localStorage)")
        assert "kpi-stream boards /plant/" in keys
        assert "kpi-stream boards" not in keys


async def test_a_tile_of_another_folder_has_the_numbers_of_that_one(
    browser: Browser, shop: Shop, quick_settings: Settings
) -> None:
    """Also where the browser has a worker for the folder of the page."""
    async with open_gateway(quick_settings) as gateway:
        other = Shop(gateway)
        origin = shop.url.removesuffix("/")
        async with open_visit(browser, shop.url) as visit:
            await visit.context.route(**below("/b", other, origin))
            asked: list[str] = []
            dashboard = await visit.open("#id=a&name=A&t=stock:minute")
            await dashboard.until_all_live()
            dashboard.page.on("request", lambda request: asked.append(request.url))
            await dashboard.page.evaluate(
                """() => {
                    const tile = document.createElement('kpi-tile');
                    tile.setAttribute('base', '/b');
                    tile.setAttribute('channel', 'orders:minute');
                    tile.style.cssText = 'width: 300px; height: 200px';
                    document.querySelector('main').append(tile);
                }"""
            )
            await expect(dashboard.number("orders:minute")).to_have_text("104")
            # The number comes by REST; its stream is asked for after it.
            await until(lambda: any("/stream?" in url for url in asked))
            streams = [url for url in asked if "/stream?" in url]
            assert all(url.startswith(f"{origin}/b/stream?") for url in streams)
