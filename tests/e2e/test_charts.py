"""What a chart draws on its canvas, and what becomes of it when uPlot cannot be had."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, Route, expect

from tests.e2e.browsing import Dashboard, Visit, open_visit
from tests.e2e.shop import SILENT, Shop
from tests.world import moment, step

pytestmark = pytest.mark.slow

LINE = "#id=l&name=L&t=visitors:minute,line,2x2"

KEEP_CHART = """
(() => {
  let made;
  Object.defineProperty(globalThis, 'uPlot', {
    configurable: true,
    get: () => made,
    set: (uPlot) => {
      made = new Proxy(uPlot, {
        construct: (target, given) => (globalThis.chart = new target(...given)),
      });
    },
  });
})();
"""
"""Lets a test see the chart that was made last."""

COUNT = """
([token, at, value, half]) => {
  const chart = globalThis.chart;
  const tile = document.querySelector('kpi-tile').shadowRoot;
  const probe = document.createElement('i');
  probe.style.color = `var(${token})`;
  tile.querySelector('.chart').append(probe);
  const wanted = getComputedStyle(probe).color;
  probe.remove();
  const sample = document.createElement('canvas').getContext('2d');
  sample.fillStyle = wanted;
  sample.fillRect(0, 0, 1, 1);
  const [r, g, b] = sample.getImageData(0, 0, 1, 1).data;
  const x = Math.round(chart.valToPos(at, 'x', true));
  const top = value === null ? chart.bbox.top : chart.valToPos(value, 'y', true) - half;
  const height = value === null ? chart.bbox.height : 2 * half;
  const { data } = chart.ctx.getImageData(x - half, Math.round(top), 2 * half, height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    const off = Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
    if (data[i + 3] > 200 && off < 40) count += 1;
  }
  return count;
}
"""
"""How many pixels around an instant have a colour; over the whole height without a value."""


async def test_uplot_is_loaded_again_and_the_number_is_shown_meanwhile(
    shop: Shop, visit: Visit
) -> None:
    away, tries = True, 0

    async def refuse(route: Route) -> None:
        nonlocal tries
        tries += 1
        await (route.abort() if away else route.continue_())

    await visit.context.route("**/uPlot.iife.min.js", refuse)
    dashboard = await visit.open("#id=u&name=U&t=orders:minute,line,2x2")
    await dashboard.until_all_live()
    tile = dashboard.tile("orders:minute")
    value = (await shop.history("orders:minute", 1))[0][1] or 0
    async with dashboard.page.expect_request("**/uPlot.iife.min.js"):
        await expect(tile.locator(".now")).to_contain_text(f"{value:.0f}")
    assert tries > 1
    away = False
    await expect(tile.locator("canvas")).to_be_visible()


async def test_a_line_has_a_hole_where_there_is_a_gap(shop: Shop, visit: Visit) -> None:
    dashboard = await open_chart(visit, shop)
    middle = (shop.now // 60 - SILENT[2]) * 60
    assert await count(dashboard, "--line", middle) == 0
    assert await count(dashboard, "--line", middle - 60 * 10) > 0


async def test_a_ring_is_around_a_corrected_point_of_a_line(shop: Shop, visit: Visit) -> None:
    dashboard = await open_chart(visit, shop)
    minute = shop.now // 60 - 10
    before = dict(await values(dashboard))[minute * 60]
    assert before is not None
    assert await count(dashboard, "--warn", minute * 60, before) == 0
    await shop.write([("visitors", minute * 60 + 20, before + 8)])
    await step(shop.gateway.service.hub)
    await dashboard.until_series("visitors:minute", await shop.history("visitors:minute"))
    await dashboard.page.wait_for_function(
        f"([at, value]) => ({COUNT})(['--warn', at, value, 6]) > 0", arg=[minute * 60, before + 4]
    )
    assert await count(dashboard, "--warn", minute * 60 - 60 * 5) == 0


async def test_the_range_of_a_zoom_survives_new_data(shop: Shop, visit: Visit) -> None:
    dashboard = await open_chart(visit, shop)
    scale = "(({ min, max }) => [min, max])(globalThis.chart.scales.x)"
    whole = await dashboard.page.evaluate(scale)
    await dashboard.tile("visitors:minute").locator(".plot").press("+")
    await dashboard.page.wait_for_function(f"(whole) => {scale}[0] > whole", arg=whole[0])
    zoomed = await dashboard.page.evaluate(scale)
    await shop.minutes()
    newest = (shop.now // 60 - 1) * 60
    await dashboard.page.wait_for_function(
        "(newest) => globalThis.chart.data[0].at(-1) === newest", arg=newest
    )
    assert await dashboard.page.evaluate(scale) == zoomed


async def open_chart(visit: Visit, shop: Shop) -> Dashboard:
    await visit.context.add_init_script(KEEP_CHART)
    dashboard = await visit.open(LINE)
    await dashboard.until_all_live()
    newest = (await shop.history("visitors:minute", 1))[0][0]
    await dashboard.page.wait_for_function(
        "(newest) => globalThis.chart?.data[0].at(-1) === newest", arg=newest
    )
    return dashboard


async def values(dashboard: Dashboard) -> list[tuple[int, float | None]]:
    series = await dashboard.series("visitors:minute")
    return [(int(row[0] or 0), row[1]) for row in series]


async def count(dashboard: Dashboard, token: str, at: int, value: float | None = None) -> int:
    return int(await dashboard.page.evaluate(COUNT, [token, at, value, 6 if value else 2]))


DAYS = "#id=d&name=D&t=orders:day,bars,2x2"

TICKS = """() => {
  const chart = globalThis.chart;
  const axis = chart.axes[0];
  return axis._splits.map((at, index) => [at, axis._values[index]]);
}"""


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati"]
)
async def test_a_day_is_labelled_where_it_is_whoever_looks(
    browser: Browser, shop: Shop, zone: str
) -> None:
    """Days begin at midnight in UTC here, which is no midnight of the reader's."""
    await shop.write([("orders", shop.now - 86_400 * n, 100.0 + n) for n in range(1, 20)])
    await step(shop.gateway.service.hub)
    async with open_visit(browser, shop.url, timezone_id=zone) as visit:
        await visit.context.add_init_script(KEEP_CHART)
        dashboard = await visit.open(DAYS)
        await dashboard.until_all_live()
        await dashboard.page.wait_for_function("() => globalThis.chart?.data[0].length > 10")
        ticks = [tick for tick in await dashboard.page.evaluate(TICKS) if tick[1]]
        assert len(ticks) > 3
        for at, label in ticks:
            assert at % 86_400 == 0, "a label stands at no midnight of the business"
            assert label == moment(at).strftime("%-d %b")


async def test_a_bar_is_named_on_all_of_its_width(shop: Shop, visit: Visit) -> None:
    await visit.context.add_init_script(KEEP_CHART)
    dashboard = await visit.open("#id=b&name=B&t=stock:hour,bars,4x2,24")
    await dashboard.until_all_live()
    await dashboard.page.wait_for_function("() => globalThis.chart?.data[0].length > 1")
    box = await dashboard.tile("stock:hour").locator(".u-over").bounding_box()
    assert box is not None
    tip = dashboard.tile("stock:hour").locator(".tip")
    for share in (0.05, 0.3, 0.6, 0.7):
        x = await dashboard.page.evaluate(
            """(share) => {
                const [first, second] = globalThis.chart.data[0];
                return globalThis.chart.valToPos(first + share * (second - first), 'x');
            }""",
            share,
        )
        await dashboard.page.mouse.move(box["x"] + x, box["y"] + box["height"] - 10)
        first = (await shop.history("stock:hour", 24))[0]
        start = moment(first[0] or 0).astimezone(ZoneInfo("Europe/Berlin"))
        await expect(tip).to_contain_text(start.strftime("%H:%M\u2013"))


async def test_an_axis_names_no_bucket_twice(shop: Shop, visit: Visit) -> None:
    """Also where there are two buckets yet, of a range of sixty."""
    await shop.write([("brand_new", shop.now - 200, 5.0), ("brand_new", shop.now - 100, 7.0)])
    await shop.silence()
    await visit.context.add_init_script(KEEP_CHART)
    dashboard = await visit.open("#id=n&name=N&t=brand_new:minute,line,2x2")
    await dashboard.page.wait_for_function("() => globalThis.chart?.data[0].length > 1")
    labels = [tick[1] for tick in await dashboard.page.evaluate(TICKS) if tick[1]]
    assert len(labels) == len(set(labels)) > 2
    span = await dashboard.page.evaluate(
        "() => globalThis.chart.scales.x.max - globalThis.chart.scales.x.min"
    )
    assert span == 3_600


async def test_a_single_value_between_gaps_is_seen(shop: Shop, visit: Visit) -> None:
    """As of a KPI that has a row each five minutes."""
    lone = [shop.now // 60 * 60 - 60 * minute for minute in (31, 26, 21)]
    await shop.write([("rare", at + 5, 50.0) for at in lone])
    await shop.silence()
    await visit.context.add_init_script(KEEP_CHART)
    dashboard = await visit.open("#id=n&name=N&t=rare:minute,line,2x2")
    await dashboard.page.wait_for_function("() => globalThis.chart?.data[0].length > 5")
    await dashboard.page.wait_for_timeout(200)
    for at in lone:
        assert await count(dashboard, "--line", at, 50.0) > 0


async def test_an_embedded_chart_leaves_the_pages_own_uplot_alone(visit: Visit) -> None:
    await visit.context.add_init_script("window.uPlot = { version: 'mine' }")
    dashboard = await visit.open(LINE)
    await expect(dashboard.tile("visitors:minute").locator("canvas")).to_be_visible()
    assert await dashboard.page.evaluate("window.uPlot.version") == "mine"
