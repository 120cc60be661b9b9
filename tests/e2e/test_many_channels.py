"""As many channels as a stream carries, resumed from their cursors."""

from __future__ import annotations

from playwright.async_api import Browser

from app.settings import Settings
from tests.e2e.browsing import open_visit
from tests.e2e.shop import Shop
from tests.running import open_gateway

CHANNELS = 256
OPEN = """async (codes) => {
  const { KpiStream } = await import('/web/kpi-stream.js');
  window.stream = new KpiStream('/');
  window.kinds = [];
  for (const code of codes) {
    stream.subscribe(`${code}:minute`, ({ kind }) => window.kinds.push(kind));
  }
}"""
LIVE = "() => window.stream.connection.state === 'live'"


async def test_256_channels_go_on_where_they_stood_after_a_minute_without_a_stream(
    browser: Browser, quick_settings: Settings
) -> None:
    async with open_gateway(quick_settings) as gateway:
        shop = Shop(gateway)
        codes = [f"line_{number:03}.".ljust(24, "x") for number in range(CHANNELS)]
        await gateway.hand.set(shop.now)
        await shop.write([(code, shop.now - 60 * n, 1.0) for code in codes for n in (1, 2, 3)])
        async with open_visit(browser, shop.url) as visit:
            page = (await visit.open("#id=e&name=Empty")).page
            await page.evaluate(OPEN, codes)
            await page.wait_for_function(LIVE)
            await page.wait_for_function(
                f"() => window.kinds.filter((kind) => kind === 'snapshot').length >= {CHANNELS}"
            )
            # One burst later each stream has a cursor of all its channels.
            await shop.write([(code, shop.now, 2.0) for code in codes])
            await shop.silence()
            await page.wait_for_function(
                f"() => window.kinds.filter((kind) => kind === 'value').length === {CHANNELS}"
            )
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            await page.evaluate("() => { window.kinds = []; window.stream.retryNow(); }")
            hub = gateway.service.hub
            hub.refuse_more()
            await hub.drain(0)
            await page.wait_for_function("() => window.stream.connection.state === 'reconnecting'")
            await shop.write([(code, shop.now, 3.0) for code in codes])
            await shop.silence()
            hub.draining = False
            await page.wait_for_function(LIVE, timeout=30_000)
            await page.wait_for_function(
                f"() => window.kinds.filter((kind) => kind === 'value').length === {CHANNELS}"
            )
            assert "snapshot" not in set(await page.evaluate("() => window.kinds"))
            assert [len(url) for url in asked if len(url) > 5_000] == []
