"""A stranger's own table, from `kpi-stream adopt` to a tile that follows it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from playwright.async_api import Browser, expect

from app.settings import Settings
from tests.e2e.browsing import open_visit
from tests.e2e.shop import NOON
from tests.running import open_gateway
from tests.test_adopt import adopt
from tests.world import SHADOW, execute, moment, step, with_shadow

pytestmark = pytest.mark.slow

SOLD = "INSERT INTO sales (at, branch, amount) SELECT $1, 'north', unnest($2::numeric[])"


async def test_an_adopted_table_is_followed_by_a_tile(browser: Browser, empty_url: str) -> None:
    connection = await asyncpg.connect(empty_url)
    await connection.execute(SHADOW)
    await connection.execute(
        "CREATE TABLE sales (id serial, at timestamptz, branch text, amount numeric)"
    )
    await connection.execute(SOLD, moment(NOON - 60), [10, 20.5])
    await connection.close()
    url = with_shadow(empty_url)
    options = ["--value", "amount", "--code", "sales.{branch}", "--yes"]
    answer = await asyncio.to_thread(adopt, url, "sales", *options)
    assert answer.exit_code == 0, answer.output

    settings = Settings.model_validate({"database_url": url, "heartbeat_seconds": 1})
    async with open_gateway(settings) as gateway:
        await gateway.hand.set(NOON)
        async with open_visit(browser, f"http://127.0.0.1:{gateway.port}/") as visit:
            dashboard = await visit.open()
            await dashboard.until_all_live()
            number = dashboard.number("sales.north:minute")
            await expect(number).to_have_text("15.25")
            await execute(gateway.database, SOLD, moment(NOON), [1, 2, 6])
            await gateway.hand.set(NOON + 60)
            await step(gateway.service.hub)
            await expect(number).to_have_text("3")
