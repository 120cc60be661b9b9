"""Changes of status are announced once, whatever board is shown, and logged."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from tests.e2e.browsing import Dashboard, Visit
from tests.e2e.shop import Shop

pytestmark = pytest.mark.slow

TWO = "#id=two&name=Shift&t=orders:minute&t=stock:minute"
ASKING = "#id=asking&name=Asking&t=orders:minute,alert"
OTHER = "#id=other&name=Other&t=stock:minute"
COUNTING = """
window.told = [];
window.tones = 0;
window.Notification = class {
    static permission = 'granted';
    constructor(title, { body }) { window.told.push(`${title} (${body})`); }
};
const { createOscillator } = AudioContext.prototype;
AudioContext.prototype.createOscillator = function () {
    window.tones += 1;
    return createOscillator.call(this);
};
"""
BAD = "Orders packed: off target (50\u202forders)"
GOOD = "Orders packed: on target (150\u202forders)"


async def orders(shop: Shop, value: float) -> None:
    """Let a minute pass with this number."""
    await shop.write([("orders", shop.now, value), ("stock", shop.now, 490.0)])
    await shop.silence()


async def until_shown(dashboard: Dashboard, channel: str, value: str) -> None:
    await expect(dashboard.number(channel)).to_have_text(value, timeout=30_000)


async def told(dashboard: Dashboard) -> list[str]:
    return list(await dashboard.page.evaluate("window.told"))


async def until_told(dashboard: Dashboard, count: int) -> None:
    await dashboard.page.wait_for_function(
        "(count) => window.told.length >= count", arg=count, timeout=30_000
    )


KNOWS = """async () => {
    const start = document.querySelector('script[src*=start]').src;
    const { openStream } = await import(start.replace('start.js', 'stream/open.js'));
    return openStream().series('orders:minute')?.loaded === true;
}"""


async def until_known(dashboard: Dashboard) -> None:
    """Wait until the page has a number that no tile shows."""
    async with asyncio.timeout(30):
        while not await dashboard.page.evaluate(KNOWS):
            await dashboard.page.wait_for_timeout(50)


async def test_a_change_of_status_is_announced_where_a_tile_asks_for_it(
    shop: Shop, visit: Visit
) -> None:
    await visit.context.add_init_script(COUNTING)
    dashboard = await visit.open(TWO)
    page = dashboard.page
    await dashboard.until_all_live()
    await expect(page.locator("#alerts")).to_be_hidden()
    menu = await dashboard.open_menu("orders")
    await menu.get_by_label("Announce changes of status").check()
    await page.keyboard.press("Escape")
    await orders(shop, 50)
    await until_told(dashboard, 1)
    await page.locator("#alerts").click()
    sound = page.get_by_label("With a sound")
    await expect(sound).not_to_be_checked()
    assert await page.evaluate("window.tones") == 0
    await sound.check()
    await page.wait_for_function("() => window.tones === 2")
    await page.keyboard.press("Escape")
    await orders(shop, 150)
    await until_told(dashboard, 2)
    await page.wait_for_function("() => window.tones === 4")
    assert await told(dashboard) == [BAD, GOOD]
    await page.reload()
    await page.locator("#alerts").click()
    entries = page.locator(".alerts li")
    await expect(entries).to_have_count(2)
    await expect(entries.first).to_contain_text("on target")
    await expect(sound).to_be_checked()


async def test_it_is_announced_whatever_board_is_shown_and_while_the_page_is_loaded_anew(
    shop: Shop, visit: Visit
) -> None:
    await visit.context.add_init_script(COUNTING)
    dashboard = await visit.open(ASKING)
    await dashboard.until_all_live()
    await dashboard.page.close()
    dashboard = await visit.open(OTHER)
    page = dashboard.page
    await dashboard.until_all_live()
    await until_known(dashboard)
    await orders(shop, 50)
    await until_told(dashboard, 1)
    assert await told(dashboard) == [BAD]
    await page.goto("about:blank")
    await orders(shop, 150)
    await page.goto(f"{visit.url}?wall=3600&boards=other")
    await dashboard.until_all_live(seconds=30)
    await until_told(dashboard, 1)
    assert await told(dashboard) == [GOOD]
    await orders(shop, 50)
    await until_told(dashboard, 2)
    assert await told(dashboard) == [GOOD, BAD]


async def test_of_several_tabs_one_announces_and_all_show_the_log(shop: Shop, visit: Visit) -> None:
    await visit.context.add_init_script(COUNTING)
    first = await visit.open(ASKING)
    await first.until_all_live()
    second = await visit.open(ASKING)
    await second.until_all_live()
    await orders(shop, 50)
    for dashboard in (first, second):
        await until_shown(dashboard, "orders:minute", "50")
        await expect(dashboard.page.locator("#alerts")).to_have_attribute(
            "aria-label", "1 change of status today"
        )
    assert [await told(first), await told(second)] == [[BAD], []]
    await first.page.close()
    await orders(shop, 150)
    await until_told(second, 1)
    assert await told(second) == [GOOD]


async def test_without_locks_as_over_plain_http_it_is_announced_once_too(
    shop: Shop, visit: Visit
) -> None:
    await visit.context.add_init_script(
        COUNTING + "Object.defineProperty(navigator, 'locks', { value: undefined });"
    )
    first = await visit.open(ASKING)
    second = await visit.open(ASKING)
    for dashboard in (first, second):
        await dashboard.page.evaluate(
            "(share) => { Math.random = () => share; }", 0.0 if dashboard is first else 0.9
        )
        await dashboard.until_all_live()
    await orders(shop, 50)
    await until_told(first, 1)
    await expect(second.page.locator("#alerts")).to_have_attribute(
        "aria-label", "1 change of status today"
    )
    # It has looked by then, since it looks again at each number.
    await orders(shop, 150)
    await until_told(first, 2)
    await second.page.wait_for_timeout(1_100)
    assert [await told(first), await told(second)] == [[BAD, GOOD], []]
