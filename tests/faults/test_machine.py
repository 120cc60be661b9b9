"""A gateway on a machine whose time zone data or whose clock is not as good as the database's."""

from __future__ import annotations

import asyncio
import shutil
import time
from importlib.resources import as_file, files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.grid import Grid
from app.models import Channel, Period
from app.settings import Settings
from tests.cluster.cluster import GRID, NOON, SALES, TICKING
from tests.cluster.listener import Listener
from tests.faults.conftest import Record
from tests.faults.report import Outcome
from tests.faults.test_stopping import gateway
from tests.faults.world import ClockedDatabase
from tests.soaking import sized
from tests.world import build_days, execute, truth

pytestmark = pytest.mark.soak

BERLIN = "Europe/Berlin"
DAYS = Grid(Period.DAY, ZoneInfo(BERLIN))
SALES_BY_DAY = Channel("sales", Period.DAY)
HISTORY_DAYS = 5
DAY = 86_400
MINUTES = sized(1, soak=10)


DRIFTING = """
import time

told, began = time.monotonic, time.monotonic()
time.monotonic = lambda: began + (told() - began) * {pace}
"""
"""What Python runs before all else where it finds it as the module sitecustomize."""


@pytest.fixture
def other_rules(tmp_path: Path) -> Path:
    """A release of the package tzdata in which Berlin has the hours of Moscow."""
    with as_file(files("tzdata")) as package:
        shutil.copytree(package, tmp_path / "tzdata")
    zones = tmp_path / "tzdata" / "zoneinfo" / "Europe"
    shutil.copy(zones / "Moscow", zones / "Berlin")
    return tmp_path


async def test_days_wait_until_both_have_the_same_rules_and_minutes_go_on(
    shadowed_settings: Settings, other_rules: Path, record: Record
) -> None:
    database = await with_days(shadowed_settings.model_copy(update={"timezone": BERLIN}))
    server = gateway(database.settings, KPI_TIMEZONE=BERLIN, KPI_DRAIN_SECONDS="0")
    days = Listener([server.port], [SALES_BY_DAY], DAYS)
    minutes = Listener([server.port], [SALES], GRID)
    listening = [asyncio.create_task(each.run()) for each in (days, minutes)]
    try:
        await server.start()
        await days.until(lambda: len(days.views.get(SALES_BY_DAY, {})) >= HISTORY_DAYS - 1)
        await minutes.until(lambda: SALES in minutes.views)
        told = len(days.events)
        assert await server.stop() == 0

        await server.start({"PYTHONPATH": str(other_rules)})
        await server.says("the time zone data of this machine and of the database differ")
        await database.write(("sales", NOON - DAY, 7.0), ("sales", NOON + 10, 1.0))
        await database.set_clock(NOON + 61)
        await database.nudge(server.port)
        await minutes.until(lambda: NOON in minutes.views[SALES])
        assert len(days.events) == told
        assert await server.stop() == 0

        began = time.monotonic()
        await server.start()
        await days.until(lambda: len(days.events) > told)
        took = time.monotonic() - began
        compared = 0
        async with database.database() as opened:
            for listener, channel, grid in ((days, SALES_BY_DAY, DAYS), (minutes, SALES, GRID)):
                view = listener.views[channel]
                said = await truth(opened, channel, grid, sorted(view))
                await listener.until(lambda view=view, said=said: view == said)  # type: ignore[misc]
                assert listener.wrongs == []
                compared += len(view)
    finally:
        for task in listening:
            task.cancel()
        await asyncio.wait(listening)
        await server.kill()
        server.close()
    record(Outcome("other time zone data", 1, 2, compared, 0, 0, took))


@pytest.mark.parametrize("pace", [0.5, 3.0])
async def test_a_clock_that_drifts_is_set_right_by_each_answer_of_the_database(
    shadowed_settings: Settings, tmp_path: Path, pace: float, record: Record
) -> None:
    """The monotonic one, which tells when to ask next: never that a minute is complete."""
    (tmp_path / "sitecustomize.py").write_text(DRIFTING.format(pace=pace))
    database = await with_days(shadowed_settings)
    server = gateway(database.settings, PYTHONPATH=str(tmp_path))
    listener = Listener([server.port], [SALES], GRID)
    listening = asyncio.create_task(listener.run())
    try:
        await server.start()
        await listener.until(lambda: SALES in listener.views)
        began = time.monotonic()
        for minute in range(MINUTES):
            start = NOON + 60 * minute
            await database.write(("sales", start + 10, minute / 7))
            await database.set_clock(start + 56)
            await database.nudge(server.port)
            await listener.until(lambda start=start: start in listener.views[SALES])  # type: ignore[misc]
            assert await database.now() >= start + 60
        took = time.monotonic() - began
        view = listener.views[SALES]
        async with database.database() as opened:
            assert view == await truth(opened, SALES, GRID, sorted(view))
        assert listener.wrongs == []
    finally:
        listening.cancel()
        await asyncio.wait([listening])
        await server.kill()
        server.close()
    record(Outcome(f"clock at {pace} times the pace", 1, 1, len(view), 0, 0, took / MINUTES))


async def with_days(settings: Settings) -> ClockedDatabase:
    """Return a database with some days of sales, whose clock ticks."""
    await build_days(settings)
    database = ClockedDatabase(settings)
    async with database.database() as opened:
        await execute(opened, TICKING)
    await database.set_clock(NOON + 30)
    rows = [("sales", NOON - DAY * ago - 70, ago / 7) for ago in range(HISTORY_DAYS)]
    await database.write(("nudge0", NOON - 600, 1.0), *rows)
    return database
