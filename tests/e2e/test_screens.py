"""Boards on phones, desks and large screens: filled, read from afar, and nothing over anything."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.browsing import Dashboard, Visit, open_visit
from tests.e2e.shop import Shop
from tests.e2e.test_charts import KEEP_CHART
from tests.world import execute

pytestmark = pytest.mark.slow

MIXED = (
    "#id=m&name=Mixed&t=:minute,heading,named-Hall&t=orders:minute,line,2x2"
    "&t=visitors:minute,table,2x2&t=margin:hour,bars,2x1&t=stock:minute,gauge&t=returns:minute"
)
LONG = "#id=l&name=Long" + "&t=orders:minute" * 60
CHART = "#id=c&name=Chart&t=stock:minute,line,2x2"
SCREENS = (
    (1920, 1080),
    (3840, 2160),
    (1080, 1920),
    (2560, 1440),
    (2160, 3840),
    (1440, 900),
)
PHONE: dict[str, Any] = {
    "viewport": {"width": 375, "height": 812},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}

MEASURES = """
() => {
  const root = document.documentElement;
  const cells = [...document.querySelectorAll('.cell:not([data-view=heading])')];
  const boxes = cells.map((cell) => cell.getBoundingClientRect());
  return {
    letters: parseFloat(getComputedStyle(root).fontSize),
    scrolled: root.scrollHeight - innerHeight,
    sideways: root.scrollWidth - innerWidth,
    below: document.querySelector('.foot').getBoundingClientRect().top
      - Math.max(...boxes.map((box) => box.bottom)),
    lowest: Math.min(...boxes.map((box) => box.height)),
    covered: boxes.reduce((sum, box) => sum + box.width * box.height, 0)
      / (innerWidth * innerHeight),
  };
}
"""

THICKNESSES = """
() => {
  const { ctx, bbox } = globalThis.chart;
  const width = Math.floor(bbox.width);
  const { data } = ctx.getImageData(bbox.left, bbox.top, width, bbox.height);
  const found = [];
  let inside = false;
  for (let y = 0; y < bbox.height; y += 1) {
    let [drawn, ink] = [0, 0];
    for (let x = 0; x < width; x += 1) {
      const alpha = data[4 * (y * width + x) + 3];
      if (alpha > 40) drawn += 1;
      ink += alpha / 255;
    }
    const isLine = drawn > 0.4 * width;
    if (isLine && !inside) found.push(0);
    if (isLine) found[found.length - 1] += ink / drawn;
    inside = isLine;
  }
  return found;
}
"""
"""How many pixels high each line is that goes through a chart; one half as dark counts half."""

OVERLAPS = """
() => [...document.querySelectorAll('kpi-tile')].flatMap((tile) => {
  const box = tile.querySelector('.controls').getBoundingClientRect();
  const said = ['.name', '.tag', '.now', '.digits', '.unit', '.delta', '.goal', '.open'];
  return said.flatMap((name) => [...tile.shadowRoot.querySelectorAll(name)])
    .filter((each) => {
      const { left, right, top, bottom, width } = each.getBoundingClientRect();
      return width > 0 && right > box.left && left < box.right
        && bottom > box.top && top < box.bottom;
    })
    .map((each) => `${tile.channel}: ${each.className} ${each.textContent}`);
})
"""
"""What stands below the controls of a tile."""

CUT = """
(selector) => {
  const line = document.querySelector(selector).shadowRoot.querySelector('.beside');
  const { bottom, right } = line.getBoundingClientRect();
  return [...line.children].filter((each) => {
    const box = each.getBoundingClientRect();
    const shown = box.width > 0 && box.top < bottom - 1;
    return shown && (each.scrollWidth > each.clientWidth + 1
      || box.right > right + 1 || box.bottom > bottom + 1);
  }).map((each) => each.textContent);
}
"""
"""What stands beside a tile's number and is not whole."""

BEYOND = """
() => {
  const { axes: [axis], ctx } = globalThis.chart;
  ctx.font = axis.font[0];
  return axis._splits.map((at, index) => {
    const middle = globalThis.chart.valToPos(at, 'x', true);
    return middle + ctx.measureText(axis._values[index]).width / 2 - ctx.canvas.width;
  });
}
"""
"""By how much each label of the time axis reaches beyond the right edge of its chart."""

SIZES = """
(names) => [...document.querySelectorAll(names)]
  .map((each) => each.getBoundingClientRect())
  .filter(({ width }) => width > 0)
  .map(({ width, height }) => Math.min(width, height))
"""


async def resized(dashboard: Dashboard, width: int, height: int) -> dict[str, float]:
    await dashboard.page.set_viewport_size({"width": width, "height": height})
    await dashboard.page.evaluate(
        "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"
    )
    return dict(await dashboard.page.evaluate(MEASURES))


async def test_a_board_fills_each_screen_that_has_room_for_it(visit: Visit) -> None:
    """One window moved from screen to screen, so that none leaves anything to the next."""
    dashboard = await visit.open(MIXED)
    await dashboard.until_all_live()
    for width, height in (*SCREENS, *reversed(SCREENS)):
        found = await resized(dashboard, width, height)
        where = f"{width} x {height}: {found}"
        assert found["scrolled"] <= 0 and found["sideways"] <= 0, where
        assert 0 <= found["below"] < found["letters"], where
        assert found["covered"] > 0.7, where
        assert found["letters"] >= 0.015 * min(width, height), where
    assert found["letters"] > 16
    found = await resized(dashboard, 1440, 900)
    assert found["letters"] == 16


async def test_a_board_without_room_is_scrolled_with_tiles_as_large_as_ever(visit: Visit) -> None:
    dashboard = await visit.open(LONG)
    await dashboard.until_all_live()
    for width, height, letters in ((1440, 900, 16), (3840, 2160, 20), (375, 812, 16)):
        found = await resized(dashboard, width, height)
        assert found["scrolled"] > 0 and found["sideways"] <= 0, found
        assert found["letters"] == letters
        assert found["lowest"] >= 12 * letters


async def test_paper_is_not_a_large_screen(visit: Visit) -> None:
    dashboard = await visit.open(MIXED)
    await dashboard.until_all_live()
    assert (await resized(dashboard, 3840, 2160))["letters"] > 30
    await dashboard.page.emulate_media(media="print")
    printed = await dashboard.page.evaluate(MEASURES)
    assert printed["letters"] == 16
    assert 190 <= printed["lowest"] <= 230


@pytest.mark.parametrize(
    ("path", "width", "height", "ratio", "least"),
    [("", 1440, 900, 1, 0.7), ("?wall=3600", 3840, 2160, 1, 1.7), ("", 1440, 900, 3, 2.1)],
    ids=["usual", "4k wall", "fine screen"],
)
async def test_lines_of_charts_grow_with_letters_and_pixels(
    browser: Browser, shop: Shop, path: str, width: int, height: int, ratio: int, least: float
) -> None:
    """On a canvas nothing grows by itself: a hairline of one pixel is not seen on a 4K wall."""
    options = {"viewport": {"width": width, "height": height}, "device_scale_factor": ratio}
    # Between the lines of the axis, which would hide that of the target.
    await execute(shop.gateway.database, "UPDATE kpi_catalog SET target = 503.4")
    async with open_visit(browser, shop.url, **options) as visit:
        await visit.context.add_init_script(KEEP_CHART)
        dashboard = await visit.open(path + CHART)
        await dashboard.until_all_live()
        await dashboard.page.wait_for_function(f"() => ({THICKNESSES})().length > 2")
        found = await dashboard.page.evaluate(THICKNESSES)
        assert min(found) >= least, found
        letters = (await dashboard.page.evaluate(MEASURES))["letters"] / 16
        line = await dashboard.page.evaluate("globalThis.chart.series[1].width")
        assert line == pytest.approx(1.75 * letters, abs=0.01)


async def test_labels_of_both_axes_keep_apart_in_the_corner(visit: Visit) -> None:
    await visit.context.add_init_script(KEEP_CHART)
    dashboard = await visit.open("#id=b&name=Bars&t=orders:minute,bars,2x2,60")
    await dashboard.until_all_live()
    await dashboard.page.wait_for_function("() => globalThis.chart?.axes[0].gap")
    gap, letters = await dashboard.page.evaluate(
        "() => [chart.axes[0].gap, parseFloat(getComputedStyle(document.documentElement).fontSize)]"
    )
    assert gap >= 11 / 2 * letters / 16, "half a label of the other axis reaches below the chart"


async def test_nothing_lies_below_the_controls_of_a_phone(browser: Browser, shop: Shop) -> None:
    """However long the name and the number; and of the name something is left."""
    tiles = ("visitors:minute", "stock:minute,line,2x2", "returns:hour,bars", "margin:minute,gauge")
    await execute(
        shop.gateway.database, "UPDATE kpi_catalog SET name = 'Counted by hand in all the halls'"
    )
    await shop.write([("visitors", shop.now, 1_234_567.0), ("stock", shop.now, 7_654_321.0)])
    await shop.silence()
    async with open_visit(browser, shop.url, **PHONE) as visit:
        dashboard = await visit.open("#id=p&name=P" + "".join(f"&t={tile}" for tile in tiles))
        await dashboard.until_all_live()
        page = dashboard.page
        await dashboard.tile("stock:minute").locator("canvas").wait_for()
        assert await page.evaluate(OVERLAPS) == []
        sizes = await page.evaluate(SIZES, ".controls .quiet, .cell .periods label")
        assert len(sizes) == 5 * len(tiles)
        assert min(sizes) >= 40
        names = await page.locator("kpi-tile h2").all()
        widths = [(await name.bounding_box() or {"width": 0})["width"] for name in names]
        assert min(widths) >= 40, widths


async def test_what_has_no_room_beside_a_number_is_left_out_whole(shop: Shop, visit: Visit) -> None:
    dashboard = await visit.open("#id=o&name=O&t=orders:hour")
    await dashboard.until_all_live()
    await shop.write([("orders", shop.now - 10, 500.0)])
    tile = dashboard.tile("orders:hour")
    await expect(tile.locator(".open")).to_have_text("500 so far", timeout=20_000)
    await expect(tile.locator(".goal")).to_contain_text("target")
    hidden = 0
    for width in range(280, 1000, 20):
        await resized(dashboard, width, 800)
        assert await dashboard.page.evaluate(CUT, "kpi-tile") == [], width
        hidden += await tile.locator(".goal").evaluate(
            "(e) => e.offsetTop >= e.parentElement.offsetTop + e.parentElement.offsetHeight"
        )
    assert 0 < hidden < 36, "there is room for it in some windows, and in others there is none"


async def test_no_time_is_cut_off_at_the_edge_of_a_chart(browser: Browser, shop: Shop) -> None:
    """Where clocks have twelve hours the labels are the longest: `02:20 PM`."""
    async with open_visit(browser, shop.url, locale="en-US") as visit:
        await visit.context.add_init_script(KEEP_CHART)
        dashboard = await visit.open(CHART)
        await dashboard.until_all_live()
        await dashboard.page.wait_for_function("() => globalThis.chart?.axes[0]._splits?.length")
        for width in range(700, 1500, 40):
            await resized(dashboard, width, 900)
            assert max(await dashboard.page.evaluate(BEYOND)) <= 0, width


async def test_no_name_is_squeezed_where_many_kpis_are_in_one_tile(
    shop: Shop, visit: Visit
) -> None:
    """Also where the tile is too low for all of them: then it is scrolled."""
    await shop.write([(f"gauge{number}", shop.now - 70, 1.0) for number in range(40)])
    await shop.silence()
    others = "".join(["&t=orders:minute", *["&t=orders:minute,line,2x2"] * 3])
    dashboard = await visit.open(f"#id=g&name=G&t=gauge*:minute,status,1x2{others}")
    names = dashboard.page.locator("kpi-group .what")
    await expect(names).to_have_count(40, timeout=20_000)
    squeezed = await names.evaluate_all(
        "(all) => all.filter((each) => each.scrollHeight > each.clientHeight).length"
    )
    assert squeezed == 0
