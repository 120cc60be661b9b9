"""The wall: boards in turn, without a new stream, on any screen, for weeks."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.browsing import Dashboard, Visit, open_visit
from tests.e2e.shop import Shop
from tests.e2e.test_cost import heap_bytes
from tests.soaking import sized

pytestmark = pytest.mark.slow

BOARDS = (
    "#id=one&name=One&t=orders:minute&t=stock:minute,line,2x2",
    "#id=two&name=Two&t=margin:minute&t=returns:hour,bars,2x1",
    "#id=three&name=Three&t=visitors:minute&t=cycle_time:minute,gauge&t=orders:minute",
)
TURNS = sized(100, soak=2_000)
WARM_TURNS = sized(60, soak=200)


async def open_boards(visit: Visit) -> Dashboard:
    for board in BOARDS:
        dashboard = await visit.open(board)
        await dashboard.until_all_live()
        if board != BOARDS[-1]:
            await dashboard.page.close()
    return dashboard


async def turn(dashboard: Dashboard, times: int) -> None:
    """Press the arrow key so often, and let each board be drawn."""
    await dashboard.page.evaluate(
        """async (times) => {
            for (let turn = 0; turn < times; turn += 1) {
                document.body.dispatchEvent(
                    new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
                await new Promise(requestAnimationFrame);
                await new Promise(requestAnimationFrame);
            }
        }""",
        times,
    )


@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_turns_of_boards_open_one_stream_and_leave_the_heap_as_it_was(
    visit: Visit, shop: Shop
) -> None:
    await visit.context.add_init_script("delete globalThis.SharedWorker")
    dashboard = await open_boards(visit)
    page = dashboard.page
    requests: list[str] = []
    await page.goto(f"{visit.url}?wall=3600")
    await dashboard.until_all_live()
    await expect(page.locator("#place")).to_have_text("1 of 3")
    await turn(dashboard, WARM_TURNS)
    await dashboard.until_all_live()
    session = await visit.context.new_cdp_session(page)
    before = await heap_bytes(session)
    opened = shop.gateway.service.metrics.streams_opened
    page.on("request", lambda request: requests.append(request.url))
    await turn(dashboard, TURNS)
    after = await heap_bytes(session)
    print(f"heap before and after {TURNS} turns, bytes: {before}, {after}")
    assert shop.gateway.service.metrics.streams_opened == opened
    assert [url for url in requests if "/kpi/" in url or "/stream" in url] == []
    assert after <= 1.15 * before
    await shop.minutes()
    await dashboard.until_all_live()


@pytest.mark.alone
async def test_a_turn_shows_its_numbers_at_once(visit: Visit) -> None:
    dashboard = await open_boards(visit)
    page = dashboard.page
    await page.goto(f"{visit.url}?wall=3600")
    await dashboard.until_all_live()
    await page.wait_for_timeout(1_000)  # for the channels of the other boards
    for _ in BOARDS:
        await turn(dashboard, 1)
        assert set(await dashboard.states()) == {"live"}


async def test_the_address_says_which_boards_come_and_space_holds(visit: Visit) -> None:
    dashboard = await open_boards(visit)
    page = dashboard.page
    await page.goto(f"{visit.url}?wall=3600&boards=three,one")
    name = page.locator("#board-name")
    await expect(page.locator("#place")).to_contain_text("of 2")
    await expect(name).to_have_text("Three")
    await page.keyboard.press("ArrowRight")
    await expect(name).to_have_text("One")
    await page.keyboard.press("ArrowRight")
    await expect(name).to_have_text("Three")
    await page.keyboard.press("Space")
    await expect(page.locator("#place")).to_have_text("1 of 2 · held")


async def test_what_the_wall_shows_is_chosen_in_the_list_of_boards(visit: Visit) -> None:
    dashboard = await open_boards(visit)
    page = dashboard.page
    await page.locator("#boards").click()
    await page.get_by_role("button", name="On the wall").click()
    await page.get_by_label("Two", exact=True).uncheck()
    await page.get_by_role("button", name="Three earlier").click()
    await page.get_by_role("button", name="Three earlier").click()
    await page.get_by_role("button", name="Done").click()
    await page.get_by_role("button", name="Fill the screen").click()
    await expect(page.locator("#place")).to_have_text("1 of 2")
    await expect(page.locator("#board-name")).to_have_text("Three")
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("#board-name")).to_have_text("One")


async def test_a_wall_without_a_wake_lock_says_so(visit: Visit) -> None:
    await visit.context.add_init_script(
        "Object.defineProperty(navigator, 'wakeLock', { value: undefined })"
    )
    dashboard = await visit.open(BOARDS[0])
    await dashboard.until_all_live()
    await dashboard.page.get_by_role("button", name="Fill the screen").click()
    await expect(dashboard.page.locator("#notice")).to_contain_text("keep the screen awake")


async def test_a_wall_that_is_left_while_the_lock_is_asked_for_keeps_none(visit: Visit) -> None:
    await visit.context.add_init_script(
        """window.held = 0;
        Object.defineProperty(navigator, 'wakeLock', { value: { request: async () => {
            await new Promise((resolve) => { window.grant = resolve; });
            window.held += 1;
            return { release: async () => { window.held -= 1; } };
        } } });"""
    )
    dashboard = await visit.open(BOARDS[0])
    page = dashboard.page
    await dashboard.until_all_live()
    await page.get_by_role("button", name="Fill the screen").click()
    await page.keyboard.press("Escape")
    await page.evaluate("window.grant()")
    await page.wait_for_timeout(100)
    assert await page.evaluate("window.held") == 0


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (3840, 2160)])
async def test_a_wall_is_filled(browser: Browser, shop: Shop, width: int, height: int) -> None:
    """With tiles of several sizes, and letters that grow with the screen."""
    tiles = "&t=orders:minute,line,2x2&t=stock:minute&t=margin:minute&t=returns:minute,bars,2x1"
    options = {"viewport": {"width": width, "height": height}}
    async with open_visit(browser, shop.url, **options) as visit:
        dashboard = await visit.open(f"?wall=3600#id=w&name=W{tiles}")
        await dashboard.until_all_live()
        filled = await dashboard.page.evaluate(
            """() => {
                const grid = document.querySelector('#grid');
                const style = getComputedStyle(grid);
                const gap = parseFloat(style.columnGap);
                const padding = (side) => parseFloat(style[`padding${side}`]);
                const area = (width, height) => (width + gap) * (height + gap);
                const used = [...document.querySelectorAll('.cell')].reduce((sum, cell) => {
                    const { width, height } = cell.getBoundingClientRect();
                    return sum + area(width, height);
                }, 0);
                return used / area(
                    grid.clientWidth - padding('Left') - padding('Right'),
                    grid.clientHeight - padding('Top') - padding('Bottom'));
            }"""
        )
        assert filled > 0.98
        size = await dashboard.page.evaluate(
            "() => parseFloat(getComputedStyle(document.documentElement).fontSize)"
        )
        assert size >= 0.018 * height
