"""What a tile shows, in each of its views."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.e2e.browsing import Visit, open_visit
from tests.e2e.shop import SILENT, Shop
from tests.world import step

VIEWS = ("Number", "Line", "Bars", "Gauge", "Table")
BIG = "#id=big&name=Big&t=orders:minute,2x2"


@pytest.mark.slow
async def test_a_tile_is_switched_between_its_views(visit: Visit) -> None:
    dashboard = await visit.open(BIG)
    await dashboard.until_all_live()
    tile = dashboard.tile("orders:minute")
    shown = {
        "Number": tile.locator(".number .spark"),
        "Line": tile.locator(".chart canvas"),
        "Bars": tile.locator(".chart canvas"),
        "Gauge": tile.locator(".gauge .filled"),
        "Table": tile.locator("tbody tr").first,
    }
    for view in (*VIEWS[1:], VIEWS[0]):
        await dashboard.show_as("orders", view)
        await expect(shown[view]).to_be_visible()
        assert await dashboard.states() == ["live"]


@pytest.mark.slow
async def test_gaps_are_drawn_as_gaps_and_corrected_buckets_marked(
    shop: Shop, visit: Visit
) -> None:
    dashboard = await visit.open("#id=v&name=V&t=visitors:minute")
    await dashboard.until_all_live()
    tile = dashboard.tile("visitors:minute")
    assert (await path(tile, ".line")).count("M") == 2
    assert (await path(tile, ".marks")).count("M") == 0
    await shop.write([("visitors", shop.now - 60 * SILENT[0], 444.0)])
    await step(shop.gateway.service.hub)
    await dashboard.until_series("visitors:minute", await shop.history("visitors:minute"))
    await expect(tile.locator(".marks")).to_have_attribute("d", re.compile(r"^M[\d. ]+h0$"))


@pytest.mark.slow
async def test_a_kpi_that_falls_silent_is_never_shown_as_live(shop: Shop, visit: Visit) -> None:
    dashboard = await visit.open("#id=s&name=S&t=orders:minute&t=stock:minute")
    await dashboard.until_all_live()
    others = ("stock",)
    await shop.minutes(1, codes=others)
    await dashboard.until_states(["gap", "live"])
    await shop.minutes(1, codes=others)
    await dashboard.until_states(["stale", "live"])
    fresh = dashboard.tile("orders:minute").locator(".fresh")
    await expect(fresh).to_contain_text("stale · 2")
    await expect(fresh).to_have_attribute("title", re.compile("^No new rows since "))
    await shop.minutes(1)
    await dashboard.until_states(["live", "live"])


@pytest.mark.slow
async def test_hovering_tells_what_the_bucket_holds(shop: Shop, visit: Visit) -> None:
    await shop.write([("orders", shop.now - 115, 60.0), ("orders", shop.now - 110, 200.0)])
    dashboard = await visit.open(BIG)
    await dashboard.until_all_live()
    await dashboard.show_as("orders", "Line")
    chart = dashboard.tile("orders:minute").locator(".u-over")
    await chart.hover()
    tip = dashboard.tile("orders:minute").locator(".tip")
    await expect(tip).to_be_visible()
    await expect(tip).to_contain_text("row")
    await expect(tip).to_contain_text("4 May")
    await dashboard.tile("orders:minute").locator(".plot").focus()
    for _ in range(2):
        await dashboard.page.keyboard.press("ArrowLeft")
    await expect(tip).to_contain_text("13:58\u201313:59")
    await expect(tip).to_contain_text("60\u202forders to 200\u202forders")
    await expect(tip).to_contain_text("3 rows")


@pytest.mark.slow
@pytest.mark.parametrize("by", ["drag", "keys"])
async def test_a_line_is_zoomed_and_stays_so_when_a_bucket_comes(
    shop: Shop, visit: Visit, by: str
) -> None:
    dashboard = await visit.open(BIG)
    await dashboard.show_as("orders", "Line")
    tile = dashboard.tile("orders:minute")
    back = tile.get_by_role("button", name="Whole range")
    await expect(tile.locator("canvas")).to_be_visible()
    await dashboard.until_all_live()
    if by == "drag":
        box = await tile.locator(".u-over").bounding_box()
        assert box is not None
        await dashboard.page.mouse.move(box["x"] + 100, box["y"] + 50)
        await dashboard.page.mouse.down()
        await dashboard.page.mouse.move(box["x"] + 250, box["y"] + 60, steps=5)
        await dashboard.page.mouse.up()
    else:
        await tile.locator(".plot").focus()
        await dashboard.page.keyboard.press("+")
    await expect(back).to_be_visible()
    await shop.minutes()
    await dashboard.until_series("orders:minute", await shop.history("orders:minute"))
    await expect(back).to_be_visible()
    if by == "drag":
        await tile.locator(".u-over").dblclick()
    else:
        await dashboard.page.keyboard.press("0")
    await expect(back).to_be_hidden()


async def test_a_table_has_the_numbers_of_each_bucket_newest_first(
    shop: Shop, visit: Visit
) -> None:
    await shop.write([("orders", shop.now - 55, 60.0), ("orders", shop.now - 50, 200.0)])
    dashboard = await visit.open("#id=t&name=T&t=orders:minute,table,2x2")
    await dashboard.until_all_live()
    cells = dashboard.tile("orders:minute").locator("tbody tr").first.locator("td")
    value = round((await shop.history("orders:minute", 1))[0][1] or 0)
    await expect(cells).to_have_text([str(value), "60", "200", "3"])


async def test_what_is_shown_is_saved_as_csv(shop: Shop, visit: Visit, tmp_path: Path) -> None:
    dashboard = await visit.open("#id=v&name=V&t=visitors:minute")
    await dashboard.until_all_live()
    menu = await dashboard.open_menu("visitors")
    async with dashboard.page.expect_download() as downloading:
        await menu.get_by_role("button", name="Save as CSV").click()
    download = await downloading.value
    assert download.suggested_filename == "visitors-minute.csv"
    file = tmp_path / "saved.csv"
    await download.save_as(file)
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    history = await shop.history("visitors:minute")
    assert len(rows) == len(history)
    numbers: list[Any] = [float(row["value"]) if row["value"] else None for row in rows]
    assert numbers == [bucket[1] for bucket in history]
    assert numbers.count(None) == len(SILENT)


async def test_what_is_saved_holds_no_formula(shop: Shop, visit: Visit, tmp_path: Path) -> None:
    code = "-a.b"  # a code may begin so, and would be computed
    await shop.write([(code, shop.now - 60 * n, -1.5 * n) for n in range(1, 4)])
    dashboard = await visit.open(f"#id=v&name=V&t={code}:minute")
    await dashboard.until_all_live()
    menu = await dashboard.open_menu(code)
    async with dashboard.page.expect_download() as downloading:
        await menu.get_by_role("button", name="Save as CSV").click()
    file = tmp_path / "saved.csv"
    await (await downloading.value).save_as(file)
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert {row["kpi"] for row in rows} == {"'-a.b"}
    assert [row["value"] for row in rows][-3:] == ["-4.5", "-3", "-1.5"]


@pytest.mark.slow
async def test_a_longer_range_is_loaded(shop: Shop, visit: Visit) -> None:
    dashboard = await visit.open("#id=l&name=L&t=orders:minute,line,2x2")
    await dashboard.until_all_live()
    menu = await dashboard.open_menu("orders")
    await menu.get_by_label("6 h", exact=True).check(force=True)
    history = await shop.history("orders:minute", 360)
    assert len(history) == 180
    await dashboard.until_series("orders:minute", history)
    await shop.minutes()
    await dashboard.until_series("orders:minute", await shop.history("orders:minute", 360))


async def test_numbers_and_times_are_written_as_the_browser_says(
    shop: Shop, browser: Browser
) -> None:
    options = {"locale": "de-DE", "timezone_id": "America/New_York"}
    async with open_visit(browser, shop.url, **options) as visit:
        dashboard = await visit.open("#id=g&name=G&t=returns:minute,table,2x2")
        await dashboard.until_all_live()
        row = dashboard.tile("returns:minute").locator("tbody tr").first
        await expect(row).to_contain_text("Mo")
        await expect(row).to_contain_text("07:59\u201308:00")
        await expect(row.locator("td").first).to_have_text(re.compile(r"^\d,\d\d$"))
        zone = dashboard.page.locator("#zone")
        await expect(zone).to_contain_text("America/New_York")
        await expect(zone).to_contain_text("midnight in UTC")


async def path(tile: Locator, part: str) -> str:
    return await tile.locator(part).get_attribute("d") or ""
