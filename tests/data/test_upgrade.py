"""A database that the first release made, with a week in it, becomes one of this release."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from app.data import schema
from app.data.database import Database
from app.data.repository import Repository
from app.data.rollups import Rollups
from app.errors import ConfigurationError
from app.live.hub import Hub
from app.metrics import Metrics
from app.models import Channel, Period
from app.settings import Settings
from tests.data.truth import untrue
from tests.world import Client, execute, fetch, step, truth

FIRST_RELEASE = (Path(__file__).parent / "first_release.sql").read_text(encoding="utf-8")

WEEK = """
INSERT INTO kpi_raw_data
SELECT date_trunc('hour', now()) - m * INTERVAL '7 minutes' + p * INTERVAL '11 seconds', code,
    sin(m) * 100 + p
FROM generate_series(0, 1440) AS m, generate_series(0, 2) AS p, unnest('{a,b}'::text[]) AS code
"""
REFRESH = (
    "SELECT kpi_refresh_minutes(0, 100000)",
    "SELECT kpi_refresh_hours(100000)",
    "SELECT kpi_refresh_days(100000)",
)
NUMBERS = """
SELECT bucket, kpi_code, avg_value, data_points, min_value, max_value, sum_value
FROM kpi_values_{view} ORDER BY 1, 2
"""


async def numbers(database: Database) -> list[list[tuple[object, ...]]]:
    found = []
    for view in ("minute", "hour", "day"):
        rows = await fetch(database, NUMBERS.replace("{view}", view))
        found.append([tuple(row) for row in rows])
    return found


async def first_release(database: Database) -> None:
    await execute(database, FIRST_RELEASE)
    await execute(database, WEEK)
    for statement in REFRESH:
        await execute(database, statement)
    # Some rows are only noted yet.
    await execute(database, "DELETE FROM kpi_raw_data WHERE random() < 0.01")
    await execute(
        database,
        "INSERT INTO kpi_catalog (code, name, target, direction) VALUES ('a', 'Ay', 5, 'up')",
    )
    await execute(database, "CREATE VIEW mine AS SELECT * FROM kpi_values_hour")


async def test_a_week_of_the_first_release_is_taken_over(empty_url: str) -> None:
    settings = Settings(database_url=SecretStr(empty_url))
    async with Database(settings) as database:
        await first_release(database)
        before = await numbers(database)
        await schema.init(database, settings)
        assert await numbers(database) == before
        assert await untrue(database) == []
        async with Rollups(database) as rollups:
            await rollups.refresh()
        assert await numbers(database) == before
        assert await untrue(database) == []
        [row] = await fetch(database, "SELECT * FROM kpi_catalog")
        assert (row["name"], row["target"], row["aggregate"]) == ("Ay", 5.0, "avg")
        assert len(await fetch(database, "SELECT * FROM mine")) == len(before[1])
        await schema.init(database, settings)
        assert await numbers(database) == before


async def test_a_stream_runs_through_the_upgrade(empty_url: str) -> None:
    settings = Settings(database_url=SecretStr(empty_url), grace_seconds=0)
    channels = [Channel("a", period) for period in Period]
    async with Database(settings) as database:
        await first_release(database)
        repository = Repository(database, settings)
        async with Hub(repository, settings, Metrics()) as hub:
            client = Client(hub, channels, history=120)
            await client.connect()
            await execute(
                database, "INSERT INTO kpi_raw_data VALUES (now() - '70 min'::interval, 'a', 1)"
            )
            await schema.init(database, settings)
            await execute(
                database, "INSERT INTO kpi_raw_data VALUES (now() - '65 min'::interval, 'a', 2)"
            )
            await execute(database, "UPDATE kpi_catalog SET aggregate = 'last' WHERE code = 'a'")
            await step(hub)
            client.read()
            # What is made otherwise from now on is read anew at the next tick or look.
            await step(hub)
            client.read()
            for channel, view in client.views.items():
                said = await truth(
                    database,
                    channel,
                    hub.grid(channel.period),
                    sorted(view),
                    value="(array_agg(value ORDER BY timestamp DESC, value DESC)"
                    " FILTER (WHERE value IS NOT NULL))[1]",
                )
                assert view == said, channel


async def test_an_upgrade_that_was_cut_off_is_finished(empty_url: str) -> None:
    settings = Settings(database_url=SecretStr(empty_url))
    async with Database(settings) as database:
        await first_release(database)
        before = await numbers(database)
        await execute(database, "ALTER TABLE kpi_rollup_minute ADD COLUMN last_value float8")
        await schema.init(database, settings)
        assert await numbers(database) == before
        assert await untrue(database) == []


async def test_a_newer_database_is_refused(database: Database, settings: Settings) -> None:
    await execute(database, "UPDATE kpi_facts SET value = '99' WHERE name = 'schema'")
    with pytest.raises(ConfigurationError, match="a newer kpi-stream has made this database"):
        await schema.init(database, settings)
