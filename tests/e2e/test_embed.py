"""KPIs on other people's pages: the custom element, and the client module."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from playwright.async_api import Browser, expect
from pydantic import ValidationError

from app.settings import Settings
from tests.e2e.browsing import open_visit
from tests.e2e.shop import SHAPES, Shop, fill
from tests.running import open_gateway, until

TILES = """<!doctype html><html lang="en"><title>Wiki</title>
<script type="module" src="{url}web/kpi-tile.js"></script>
<style>kpi-tile {{ width: 300px; height: 200px; }} h2 {{ color: red !important; }}</style>
<kpi-tile channel="orders:minute"></kpi-tile>
<kpi-tile channel="stock:minute" view="line" depth="30"></kpi-tile>
"""

MODULE = """<!doctype html><html lang="en"><title>Wiki</title>
<script type="module">
  import {{ KpiStream }} from '{url}web/kpi-stream.js';
  window.heard = [];
  window.stream = new KpiStream('{url}');
  window.stop = window.stream.subscribe('orders:minute', ({{ kind, series, point }}) => {{
    window.heard.push([kind, series.points.length, series.current.value, point?.value]);
  }});
</script>
"""


@asynccontextmanager
async def site(html: str) -> AsyncIterator[str]:
    """Serve a page of somebody else; yield its origin."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = html.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}"
        writer.write(f"{head}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@asynccontextmanager
async def open_shop(settings: Settings, origins: str) -> AsyncIterator[Shop]:
    allowing = settings.model_copy(update={"allowed_origins": origins})
    async with open_gateway(allowing) as gateway:
        shop = Shop(gateway)
        await fill(shop)
        yield shop


async def test_tiles_live_on_the_page_of_an_allowed_site(
    browser: Browser, quick_settings: Settings
) -> None:
    async with (
        open_shop(quick_settings, "*") as shop,
        site(TILES.format(url=shop.url)) as origin,
        open_visit(browser, origin) as visit,
    ):
        dashboard = await visit.open("/")
        await dashboard.until_all_live()
        assert shop.streams == 1
        await shop.minutes()
        await dashboard.until_series("orders:minute", await shop.history("orders:minute"))
        await dashboard.until_series("stock:minute", await shop.history("stock:minute", 30))
        await expect(dashboard.tile("stock:minute").locator("canvas")).to_be_visible()
        await expect(dashboard.tile("orders:minute").locator("h2")).to_have_text("Orders packed")
        assert await dashboard.tile("orders:minute").bounding_box() is not None
        await dashboard.page.evaluate("document.querySelectorAll('kpi-tile')[1].remove()")
        await dashboard.page.evaluate(
            "document.querySelector('kpi-tile').setAttribute('channel', 'orders:hour')"
        )
        await dashboard.until_series("orders:hour", await shop.history("orders:hour"))


async def test_the_client_module_works_on_the_page_of_an_allowed_site(
    browser: Browser, quick_settings: Settings
) -> None:
    async with (
        open_shop(quick_settings, "*") as shop,
        site(MODULE.format(url=shop.url)) as origin,
        open_visit(browser, origin) as visit,
    ):
        page = (await visit.open("/")).page
        await page.wait_for_function("() => window.stream?.connection.state === 'live'")
        await shop.minutes()
        value = SHAPES["orders"](shop.now // 60 - 1)
        await page.wait_for_function(f"() => window.heard.at(-1)[2] === {value}")
        heard = await page.evaluate("window.heard")
        assert heard[0][:2] == ["snapshot", 120]
        assert heard[-1] == ["value", 120, value, value]
        await page.evaluate("window.stream.close()")
        await until(lambda: shop.streams == 0)


async def test_what_is_no_channel_spoils_no_other(
    browser: Browser, quick_settings: Settings
) -> None:
    """More than are loaded one by one, so that the stream itself is asked for them."""
    wrong = "".join(f'<kpi-tile channel="orders:week{n}"></kpi-tile>' for n in range(30))
    async with (
        open_shop(quick_settings, "*") as shop,
        site(TILES.format(url=shop.url) + wrong) as origin,
        open_visit(browser, origin) as visit,
    ):
        dashboard = await visit.open("/")
        await dashboard.until_series("orders:minute", await shop.history("orders:minute"))
        state = dashboard.tile("orders:week7").locator(".tile")
        await state.scroll_into_view_if_needed()
        await expect(state).to_have_attribute("data-state", "unknown")
        assert shop.streams == 1


async def test_only_the_pages_of_allowed_sites_may_read(quick_settings: Settings) -> None:
    async with (
        open_shop(quick_settings, "https://wiki.example http://a.example:81") as shop,
        httpx.AsyncClient(base_url=shop.url) as client,
    ):
        for path in ("kpi", "kpi/orders", "kpi/nothing", "web/kpi-tile.js"):
            answer = await client.get(path, headers={"Origin": "https://wiki.example"})
            assert answer.headers["access-control-allow-origin"] == "https://wiki.example"
            assert "Origin" in answer.headers["vary"]
            for other in ("https://wiki.example.evil.example", "http://wiki.example", "null"):
                answer = await client.get(path, headers={"Origin": other})
                assert "access-control-allow-origin" not in answer.headers
        url = "stream?channel=orders:minute"
        headers = {"Origin": "http://a.example:81"}
        async with client.stream("GET", url, headers=headers) as stream:
            assert stream.headers["access-control-allow-origin"] == "http://a.example:81"


async def test_by_default_no_other_site_may_read(shop: Shop) -> None:
    async with httpx.AsyncClient(base_url=shop.url) as client:
        answer = await client.get("kpi", headers={"Origin": "https://wiki.example"})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("text", ["wiki.example", "https://wiki.example/", "ftp://a", "* b"])
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="is no origin"):
        Settings(allowed_origins=text)
