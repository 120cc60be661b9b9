"""An earlier time beside the present one, and the bucket that is still open."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import expect

from tests.e2e.browsing import Dashboard, Visit
from tests.e2e.shop import NOON, Shop
from tests.e2e.test_charts import KEEP_CHART
from tests.world import at, step

pytestmark = pytest.mark.slow

DAY = 86_400


async def open_compared(visit: Visit, board: str) -> Dashboard:
    await visit.context.add_init_script(KEEP_CHART)
    dashboard = await visit.open(board)
    await dashboard.page.wait_for_function("() => globalThis.chart?.data[0].length > 1")
    return dashboard


async def test_yesterday_is_a_second_line_and_what_a_change_is_from(
    shop: Shop, visit: Visit
) -> None:
    minute = NOON // 60 * 60
    await shop.write([("orders", minute - DAY - 60 * n + 5, 200.0 + n) for n in range(1, 90)])
    await step(shop.gateway.service.hub)
    dashboard = await open_compared(visit, "#id=c&name=C&t=orders:minute,line,2x2,vs-day")
    tile = dashboard.tile("orders:minute")
    await expect(tile.locator(".now")).to_have_attribute("data-trend", "▼ 97 vs yesterday")
    await expect(tile.locator(".keys")).to_have_text("yesterday")
    before = await dashboard.page.evaluate("() => globalThis.chart.data[4].slice(-3)")
    assert before == [203, 202, 201]
    asked: list[str] = []
    dashboard.page.on("request", lambda request: asked.append(request.url))
    await shop.minutes(3)
    await dashboard.until_series("orders:minute", await shop.history("orders:minute"))
    assert [url for url in asked if "end=" in url] == [], "what is over need not be read again"


async def test_a_day_is_compared_with_the_same_one_a_week_before(shop: Shop, visit: Visit) -> None:
    midnight = NOON // DAY * DAY
    await shop.write([("stock", midnight - DAY * n + 100, 100.0 * n) for n in range(1, 20)])
    await step(shop.gateway.service.hub)
    dashboard = await open_compared(visit, "#id=c&name=C&t=stock:day,bars,2x2,30,vs-week")
    tile = dashboard.tile("stock:day")
    await expect(tile.locator(".keys")).to_have_text("last week")
    await dashboard.page.wait_for_function("() => globalThis.chart.data[4].at(-1) !== null")
    values = await dashboard.page.evaluate("() => [1, 4].map((n) => globalThis.chart.data[n])")
    starts = await dashboard.page.evaluate("() => globalThis.chart.data[0]")
    value = dict(zip(starts, values[0], strict=True))
    for start, before in zip(starts, values[1], strict=True):
        if before is not None and start - 7 * DAY in value:
            assert before == value[start - 7 * DAY]


async def test_a_month_is_compared_with_the_same_one_of_the_year_before(
    shop: Shop, visit: Visit
) -> None:
    rows = {"2025-02-10": 28.0, "2025-03-10": 31.0, "2025-04-10": 30.0, "2026-04-10": 40.0}
    await shop.write([("stock", at(f"{day}T12:00:00+00:00"), n) for day, n in rows.items()])
    await step(shop.gateway.service.hub)
    dashboard = await open_compared(visit, "#id=c&name=C&t=stock:month,bars,2x2,12,vs-year")
    tile = dashboard.tile("stock:month")
    await expect(tile.locator(".now")).to_have_attribute("data-trend", "▲ 10 vs last year")
    menu = await dashboard.open_menu("stock")
    await expect(menu.get_by_label("the month before", exact=True)).to_be_attached()
    await expect(menu.get_by_label("last year", exact=True)).to_be_checked()


async def test_what_it_is_compared_with_is_chosen_in_the_menu(shop: Shop, visit: Visit) -> None:
    dashboard = await visit.open("#id=c&name=C&t=orders:minute,line,2x2,60")
    await dashboard.until_all_live()
    menu = await dashboard.open_menu("orders")
    await menu.get_by_label("before", exact=True).check(force=True)
    now = dashboard.tile("orders:minute").locator(".now")
    value = [(await shop.history("orders:minute", 61))[at][1] or 0 for at in (0, 60)]
    sign = {-1: "▼", 0: "±", 1: "▲"}[(value[1] > value[0]) - (value[1] < value[0])]
    expected = f"{sign} {abs(value[1] - value[0]):.0f} vs before"
    await expect(now).to_have_attribute("data-trend", expected)
    await dashboard.page.reload()
    await expect(now).to_have_attribute("data-trend", expected)


async def test_the_hour_that_is_not_over_is_told_as_so_far(shop: Shop, visit: Visit) -> None:
    dashboard = await visit.open("#id=o&name=O&t=orders:hour&t=orders:minute")
    await dashboard.until_all_live()
    await shop.write([("orders", shop.now - 10, 500.0)])
    await expect(dashboard.tile("orders:hour").locator(".open")).to_have_text(
        "500 so far", timeout=20_000
    )
    await expect(dashboard.tile("orders:minute").locator(".open")).to_be_hidden()
    number = json.dumps((await shop.history("orders:hour", 1))[0][1])
    await expect(dashboard.number("orders:hour")).to_have_text(f"{float(number):.0f}")


async def test_the_hour_that_is_not_over_is_a_hollow_bar(shop: Shop, visit: Visit) -> None:
    dashboard = await open_compared(visit, "#id=o&name=O&t=stock:hour,bars,2x2,24")
    await shop.write([("stock", shop.now - 10, 490.0)])
    await dashboard.page.wait_for_function("() => globalThis.chart.data[5].at(-1) === 490")
    values = await dashboard.page.evaluate("() => globalThis.chart.data[1]")
    assert values[-1] is None, "it is no bucket of the series"
    series = await dashboard.series("stock:hour")
    assert series == await shop.history("stock:hour")
