"""KPIs on another site's pages where people sign in: tickets that the site's own server gets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from playwright.async_api import Browser, expect

from app.settings import Settings
from tests.access.signing import sign
from tests.e2e.browsing import open_visit
from tests.e2e.shop import SHAPES, Shop, fill
from tests.http.credentials import JWT
from tests.running import open_gateway, until

TILE = """<!doctype html><html lang="en"><title>Wiki</title>
<script type="module">
  import {{ useTickets }} from '{url}web/kpi-tile.js';
  useTickets(async () => (await fetch('/kpi-ticket', {{ method: 'POST' }})).text());
</script>
<style>kpi-tile {{ width: 300px; height: 200px; }}</style>
<kpi-tile channel="orders:minute" earlier="day" view="line"></kpi-tile>
"""

MODULE = """<!doctype html><html lang="en"><title>Wiki</title>
<script type="module">
  import {{ KpiStream, useTickets }} from '{url}web/kpi-stream.js';
  const getTicket = async () => (await fetch('/kpi-ticket', {{ method: 'POST' }})).text();
  useTickets(getTicket, '{url}');
  window.stream = new KpiStream('{url}');
  window.stream.subscribe('orders:minute', ({{ series }}) => {{ window.series = series; }});
</script>
"""


class Wiki:
    """Another site, whose server knows its visitors and gets tickets for them."""

    def __init__(self, shop: Shop, html: str) -> None:
        self._shop = shop
        self._html = html
        self.tickets = 0
        self.token_seconds = 600
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        kind, body = "text/html", self._html
        if head.startswith(b"POST /kpi-ticket"):
            kind, body = "text/plain", await self._ticket()
        elif not head.startswith(b"GET / "):
            body = ""
        data = body.encode()
        writer.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + data
        )
        await writer.drain()
        writer.close()

    async def _ticket(self) -> str:
        token = sign({"kpis": ["orders"]}, exp=int(time.time()) + self.token_seconds)
        async with httpx.AsyncClient(base_url=self._shop.url) as client:
            answer = await client.post("ticket", headers={"Authorization": f"Bearer {token}"})
        self.tickets += 1
        return str(answer.json()["ticket"])


@asynccontextmanager
async def open_wiki(settings: Settings, html: str) -> AsyncIterator[tuple[Shop, Wiki]]:
    """Open a shop where people sign in, and the site, of another name."""
    async with open_gateway(settings.model_copy(update=JWT | {"allowed_origins": "*"})) as gateway:
        shop = Shop(gateway)
        await fill(shop)
        wiki = Wiki(shop, html.format(url=shop.url))
        server = await asyncio.start_server(wiki.answer, "127.0.0.1", 0)
        wiki.url = f"http://localhost:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield shop, wiki


async def test_tiles_live_by_tickets_and_get_new_ones_when_a_token_ends(
    browser: Browser, quick_settings: Settings
) -> None:
    async with (
        open_wiki(quick_settings, TILE) as (shop, wiki),
        open_visit(browser, wiki.url) as visit,
    ):
        wiki.token_seconds = 5
        refused: list[str] = []
        visit.context.on(
            "response", lambda r: refused.append(f"{r.status} {r.url}") if r.status >= 400 else None
        )
        dashboard = await visit.open("/")
        await dashboard.until_all_live()
        await expect(dashboard.tile("orders:minute").locator("h2")).to_have_text("Orders packed")
        before = wiki.tickets
        assert before >= 3  # the catalogue, the snapshot and the stream
        async with asyncio.timeout(20):
            while wiki.tickets == before or shop.streams == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        wiki.token_seconds = 600
        await shop.minutes()
        channel = "orders:minute"
        newest = [SHAPES["orders"](shop.now // 60 - 1)]
        await dashboard.page.wait_for_function(
            "([channel, value]) => document.querySelector(`kpi-tile[channel='${channel}']`)"
            ".points.at(-1)?.value === value",
            arg=[channel, *newest],
        )
        assert refused == []
        assert await visit.context.cookies() == []


async def test_a_stream_that_breaks_off_is_opened_with_a_new_ticket(
    browser: Browser, quick_settings: Settings
) -> None:
    """The browser itself would come back with the ticket that was used, and be refused."""
    async with (
        open_wiki(quick_settings, MODULE) as (shop, wiki),
        open_visit(browser, wiki.url) as visit,
    ):
        asked: list[str] = []
        visit.context.on("request", lambda request: asked.append(request.url))
        page = (await visit.open("/")).page
        await page.wait_for_function("() => window.stream?.connection.state === 'live'")
        before = wiki.tickets
        await shop.gateway.service.hub.drain(0)
        await until(lambda: wiki.tickets > before and shop.streams == 1)
        await page.wait_for_function("() => window.stream.connection.state === 'live'")
        used = [url.partition("ticket=")[2].partition("&")[0] for url in asked if "ticket=" in url]
        assert len(used) == len(set(used)) > 2


async def test_the_client_module_lives_by_tickets(
    browser: Browser, quick_settings: Settings
) -> None:
    async with (
        open_wiki(quick_settings, MODULE) as (shop, wiki),
        open_visit(browser, wiki.url) as visit,
    ):
        page = (await visit.open("/")).page
        await page.wait_for_function("() => window.stream?.connection.state === 'live'")
        await shop.minutes()
        value = SHAPES["orders"](shop.now // 60 - 1)
        await page.wait_for_function(f"() => window.series.current.value === {value}")
        await page.evaluate("window.stream.close()")
        await until(lambda: shop.streams == 0)


@pytest.mark.parametrize("grants", [[f"a_plant_with_a_long_name.line{n}.*" for n in range(120)]])
async def test_a_ticket_for_another_site_needs_no_room_in_a_cookie(
    grants: list[str], quick_settings: Settings
) -> None:
    async with open_gateway(quick_settings.model_copy(update=JWT)) as gateway:
        url = f"http://127.0.0.1:{gateway.port}"
        async with httpx.AsyncClient(base_url=url) as client:
            headers = {"Authorization": f"Bearer {sign({'kpis': grants})}"}
            made = (await client.post("/ticket", headers=headers)).json()["ticket"]
            headers = {"Origin": "https://wiki.example"}
            answer = await client.get("/kpi", params={"ticket": made}, headers=headers)
            assert answer.status_code == 200
            assert "set-cookie" not in answer.headers
