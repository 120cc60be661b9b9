"""Whatever goes away comes back, the page goes on by itself, and its numbers are right again."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Route, expect

from app.errors import UnavailableError
from app.settings import Settings
from tests.e2e.browsing import STATES, Dashboard, Visit, open_visit
from tests.e2e.door import Door
from tests.e2e.shop import SHAPES, Shop
from tests.e2e.workers import SharedWorkers
from tests.live.test_database_away import Outage
from tests.running import open_gateway, until
from tests.soaking import SOAKING, sized
from tests.world import step

pytestmark = pytest.mark.slow

AWAY_SECONDS = sized(8.0, soak=70.0)
DATABASE_AWAY_SECONDS = sized(5.0, soak=60.0)
CHANNELS = tuple(f"{code}:minute" for code in SHAPES)


@pytest.mark.soak
@pytest.mark.timeout(240)
async def test_a_server_killed_behind_a_proxy_that_answers_502(
    browser: Browser, quick_settings: Settings, door: Door, shop: Shop
) -> None:
    async with open_visit(browser, door.url) as visit:
        dashboard = await visit.open()
        await dashboard.until_all_live()
        await dashboard.page.evaluate("() => { window.notReloaded = true }")
        await door.shut()
        await dashboard.until_connection("reconnecting")
        assert set(await dashboard.states()) == {"live"}, "no alarm for what may be over at once"
        await dashboard.until_all("reconnecting")
        await shop.minutes(2)
        await correct(shop, "orders")
        await asyncio.sleep(AWAY_SECONDS)
        await until(lambda: door.refused > 3)
        assert await dashboard.connection() == "reconnecting"
        async with open_gateway(quick_settings) as another:
            door.target = another.port
            await dashboard.until_connection("live", seconds=25)
            await same_as_rest(dashboard, shop)
            assert await dashboard.page.evaluate("() => window.notReloaded")
            notice = dashboard.page.locator("#notice")
            away = "1 minute" if SOAKING else ""
            assert f"Live again after {away}" in (await notice.text_content() or "")


async def test_a_stream_that_falls_silent_is_rebuilt_within_two_heartbeats(
    browser: Browser, door: Door, shop: Shop
) -> None:
    async with open_visit(browser, door.url) as visit:
        dashboard = await visit.open()
        await dashboard.until_all_live()
        door.freeze()
        await shop.minutes()
        await dashboard.until_connection("reconnecting", seconds=4)
        door.thaw()
        await dashboard.until_connection("live")
        await same_as_rest(dashboard, shop)


async def test_a_stream_that_the_server_ends_is_taken_up_again_without_alarm(
    browser: Browser, door: Door, shop: Shop
) -> None:
    """As each does once an hour."""
    async with open_visit(browser, door.url) as visit:
        dashboard = await visit.open()
        await dashboard.until_all_live()
        await listen(dashboard)
        await door.cut()
        await dashboard.page.wait_for_function("() => window.states.join() === 'reconnecting,live'")
        await shop.minutes()
        await same_as_rest(dashboard, shop)
        assert await dashboard.page.evaluate("window.told") == []


async def test_a_server_that_refuses_streams_is_asked_again(browser: Browser, shop: Shop) -> None:
    """With 429 and 503, and with a stream that ends at once."""
    refusals = [429, 503, 200, 503]
    async with open_visit(browser, shop.url) as visit:
        # Playwright does not reach what a SharedWorker asks for.
        await visit.context.add_init_script("delete globalThis.SharedWorker")

        async def refuse(route: Route) -> None:
            if not refusals:
                await route.continue_()
                return
            kind = {"Content-Type": "text/event-stream"}
            await route.fulfill(status=refusals.pop(0), headers=kind, body="retry: 50\n\n")

        await visit.context.route("**/stream?*", refuse)
        dashboard = await visit.open()
        await dashboard.until_connection("live", seconds=30)
        assert refusals == []
        await shop.minutes()
        await same_as_rest(dashboard, shop)


async def test_one_of_two_servers_is_drained_without_alarm(
    browser: Browser, door: Door, shop: Shop, quick_settings: Settings
) -> None:
    async with (
        open_gateway(quick_settings) as another,
        open_visit(browser, door.url) as visit,
    ):
        dashboard = await visit.open()
        await dashboard.until_all_live()
        await listen(dashboard)
        door.target = another.port
        shop.gateway.stop.request()
        await dashboard.page.wait_for_function("() => window.states.join() === 'reconnecting,live'")
        moved = Shop(another, shop.now)
        assert moved.streams == 1
        await moved.minutes()
        await same_as_rest(dashboard, moved)
        assert await dashboard.page.evaluate("window.told") == []


async def test_a_server_that_does_not_answer_is_told_of_once_it_takes_long(
    browser: Browser, door: Door, shop: Shop
) -> None:
    async with open_visit(browser, door.url) as visit:
        dashboard = await visit.open()
        await dashboard.until_all_live()
        await listen(dashboard)
        await door.shut()
        notice = dashboard.page.locator("#notice")
        await expect(notice).to_contain_text("The server has not answered since", timeout=10_000)
        refused = door.refused
        await notice.get_by_role("button", name="Try now").click()
        await until(lambda: door.refused > refused)
        door.target = shop.gateway.port
        await dashboard.until_connection("live")
        await expect(notice).to_contain_text("Live again after")
        told = await dashboard.page.evaluate("window.told")
        assert [text.split()[0] for text in told] == ["The", "Live"]


async def listen(dashboard: Dashboard) -> None:
    """Keep what the badge shows from now on, and what is said aloud."""
    await dashboard.page.evaluate(
        """() => {
            const [badge, aloud] = ['connection', 'aloud'].map((id) => document.getElementById(id));
            [window.states, window.told] = [[], []];
            new MutationObserver(() => window.states.push(badge.dataset.state))
                .observe(badge, { attributeFilter: ['data-state'] });
            new MutationObserver(() => window.told.push(aloud.textContent))
                .observe(aloud, { childList: true, characterData: true, subtree: true });
        }"""
    )


async def test_a_network_cut_by_the_browser(browser: Browser, door: Door, shop: Shop) -> None:
    async with open_visit(browser, door.url) as visit:
        dashboard = await visit.open()
        await dashboard.until_all_live()
        async with SharedWorkers(browser) as workers:
            await visit.context.set_offline(True)
            await workers.set_offline(True)
            await door.cut()  # what is open already would go on
            await dashboard.until_connection("offline")
            assert set(await dashboard.states()) == {"offline"}
            await shop.minutes(3)
            await correct(shop, "cycle_time")
            assert await dashboard.connection() == "offline"
            await workers.set_offline(False)
            await visit.context.set_offline(False)
            await dashboard.until_connection("live")
            # It came through the cursor: what was missed, and no snapshots.
            notice = dashboard.page.locator("#notice")
            missed = 3 * len(SHAPES)
            assert f"{missed} buckets came meanwhile" in (await notice.text_content() or "")
            await same_as_rest(dashboard, shop)


async def test_a_worker_that_cannot_be_loaded_is_tried_again(visit: Visit, shop: Shop) -> None:
    tries = 0

    async def refuse_once(route: Route) -> None:
        nonlocal tries
        tries += 1
        await (route.abort() if tries == 1 else route.continue_())

    await visit.context.route("**/worker.js", refuse_once)
    dashboard = await visit.open()
    await dashboard.until_all_live()
    assert tries > 1
    assert shop.streams == 1


async def test_a_worker_that_dies_is_not_taken_for_live_and_is_started_again(
    browser: Browser, visit: Visit, shop: Shop
) -> None:
    dashboard = await visit.open()
    await dashboard.until_all_live()
    await listen(dashboard)
    async with SharedWorkers(browser) as workers:
        await workers.kill()
    await shop.minutes()
    await same_as_rest(dashboard, shop)
    await dashboard.until_all_live()
    assert (await dashboard.page.evaluate("window.states"))[0] == "reconnecting"
    assert shop.streams == 1


async def test_without_a_shared_worker_the_page_has_its_own_stream(
    browser: Browser, door: Door, shop: Shop
) -> None:
    async with open_visit(browser, door.url) as visit:
        await visit.context.add_init_script("delete globalThis.SharedWorker")
        dashboard = await visit.open()
        await dashboard.until_all_live()
        assert shop.streams == 1
        await visit.context.set_offline(True)
        await door.shut()
        await dashboard.until_connection("offline")
        await shop.minutes(2)
        door.target = shop.gateway.port
        await visit.context.set_offline(False)
        await dashboard.until_connection("live")
        await same_as_rest(dashboard, shop)


async def test_a_channel_listened_to_again_has_its_whole_series(shop: Shop, visit: Visit) -> None:
    dashboard = await visit.open()
    await dashboard.until_all_live()
    for period in ("hour", "minute", "hour", "day", "minute"):
        await dashboard.choose("stock", period)
        await shop.minutes()
    await same_as_rest(dashboard, shop)


async def correct(shop: Shop, code: str) -> None:
    """Write a row that comes ten minutes late."""
    await shop.write([(code, shop.now - 600, 90.0)])
    await step(shop.gateway.service.hub)


async def same_as_rest(dashboard: Dashboard, shop: Shop) -> None:
    for channel in CHANNELS:
        await dashboard.until_series(channel, await shop.history(channel))


@pytest.mark.soak
@pytest.mark.timeout(240)
async def test_a_database_away_for_a_minute(
    browser: Browser, shop: Shop, quick_settings: Settings, postgres_url: str
) -> None:
    assert quick_settings.database_url is not None
    name = urlsplit(quick_settings.database_url.get_secret_value()).path.removeprefix("/")
    async with open_visit(browser, shop.url) as visit:
        dashboard = await visit.open()
        await dashboard.until_all_live()
        async with Outage(postgres_url, name)():
            await dashboard.page.wait_for_function(
                f"() => ({STATES})().every((state) => state === 'stale')"
            )
            why = dashboard.tile("orders:minute").locator(".fresh")
            assert "The database does not answer" in (await why.get_attribute("title") or "")
            await asyncio.sleep(DATABASE_AWAY_SECONDS)
            assert set(await dashboard.states()) == {"stale"}
        await until_it_answers(shop)
        await shop.minutes(2)
        await dashboard.until_all_live(seconds=30)
        await same_as_rest(dashboard, shop)


async def until_it_answers(shop: Shop) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await shop.gateway.service.repository.clock()
            except UnavailableError:
                await asyncio.sleep(0.1)
            else:
                return
