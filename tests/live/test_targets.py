"""Good, warning or bad: judged once, by the value as it is shown."""

from __future__ import annotations

import json

import pytest

from app.data.repository import Repository
from app.live.snapshots import Snapshots
from app.models import Channel, Period, Target
from app.settings import Settings
from tests.backends import both_backends, settle
from tests.world import Client, Hand, at, execute, moment, open_hub, step

NOON = at("2026-05-04T12:00:00Z")


@pytest.mark.parametrize(
    ("target", "value", "status"),
    [
        (Target("up", 95.0, 90.0, 1), 95.0, "good"),
        (Target("up", 95.0, 90.0, 1), 94.95, "good"),
        (Target("up", 95.0, 90.0, 1), 94.949, "warning"),
        (Target("up", 95.0, 90.0, 1), 89.9, "bad"),
        (Target("up", 95.0, None, 1), 94.0, "bad"),
        (Target("down", 400.0, 500.0, 0), 400.4999, "good"),
        (Target("down", 400.0, 500.0, 0), 400.5, "warning"),
        (Target("down", -2.0, None, 0), -2.5, "good"),
        (Target("down", 1.0, None, 2), 1.005, "bad"),
        (Target("up", 1.01, None, 2), 1.005, "good"),
        (Target("up", 1234.0, None, None), 1233.5, "good"),
        (Target("up", 12.35, None, None), 12.346, "good"),
        (Target("up", 1e290, None, 15), 1e290, "good"),
        (Target("up", 1e-290, None, None), 0.0, "bad"),
        (Target(None, 95.0, 90.0, 1), 10.0, None),
        (Target("up", None, 90.0, 1), 10.0, None),
        (Target("up", 95.0, 90.0, 1), None, None),
    ],
)
def test_a_status_is_that_of_the_number_shown(
    target: Target, value: float | None, status: str | None
) -> None:
    assert target.status(value) == status


@both_backends
async def test_what_is_sent_says_how_good_it_is(shadowed_settings: Settings) -> None:
    async with open_hub(shadowed_settings) as (hub, database):
        await Hand(database).set(NOON + 5)
        await execute(
            database,
            "INSERT INTO kpi_catalog (code, direction, target, warning, decimals, aggregate)"
            " VALUES ('a', 'up', 10, 5, 0, 'sum')",
        )
        for seconds, value in ((-100, 9.4), (-50, 4.0), (-40, 5.5), (20, 3.0), (30, 1.0)):
            await execute(
                database,
                "INSERT INTO kpi_raw_data VALUES ($1, 'a', $2)",
                moment(NOON + seconds),
                value,
            )
        await settle(database, shadowed_settings)
        client = Client(hub, [Channel("a", Period.MINUTE)])
        await client.connect()
        snapshot = client.events[0].json()
        assert [bucket["status"] for bucket in snapshot["history"]] == ["warning", "good"]
        assert snapshot["current"]["status"] == "good"
        await Hand(database).set(NOON + 65)
        await settle(database, shadowed_settings)
        await step(hub)
        client.read()
        value = client.events[-1].json()
        assert (value["value"], value["status"], value["previous"]["status"]) == (
            4.0,
            "bad",
            "good",
        )


async def test_another_target_or_aggregate_holds_at_the_next_look(
    shadowed_settings: Settings,
) -> None:
    async with open_hub(shadowed_settings) as (hub, database):
        await Hand(database).set(NOON + 5)
        for seconds, value in ((-7100, 3.0), (-7090, 4.0), (-50, 4.0), (-40, 5.5)):
            await execute(
                database,
                "INSERT INTO kpi_raw_data VALUES ($1, 'a', $2)",
                moment(NOON + seconds),
                value,
            )
        channel = Channel("a", Period.MINUTE)
        client = Client(hub, [channel], history=120)
        await client.connect()
        assert client.views[channel][NOON - 60][0] == 4.75
        await execute(
            database,
            "INSERT INTO kpi_catalog (code, direction, target, aggregate)"
            " VALUES ('a', 'up', 10, 'sum')",
        )
        await Hand(database).set(NOON + 65)
        await step(hub)
        client.read()
        assert client.views[channel][NOON - 60][0] == 9.5
        assert client.views[channel][NOON - 7140][0] == 7.0, "what is older than the window, too"
        snapshots = Snapshots(hub, Repository(database, shadowed_settings), shadowed_settings)
        snapshot = json.loads((await snapshots.get(channel, 5)).body)
        assert snapshot["previous"]["status"] == "bad"
