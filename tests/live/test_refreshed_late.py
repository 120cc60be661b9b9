"""Aggregates that show only what was refreshed: nothing is called a gap before its refresh."""

from __future__ import annotations

import pytest

from app.models import Channel, Period
from app.settings import Settings
from tests.backends import settle
from tests.world import Client, Hand, at, execute, moment, open_hub, step

NOON = at("2026-05-04T12:00:30+00:00")
SALES = Channel("sales", Period.MINUTE)


@pytest.mark.parametrize("backend", ["timescale"], indirect=True)
async def test_buckets_wait_for_their_refresh_and_a_late_one_is_told(
    shadowed_settings: Settings,
) -> None:
    settings = shadowed_settings.model_copy(update={"materialized_only": True})
    async with open_hub(settings) as (hub, database):
        hand = Hand(database)
        await hand.set(NOON)
        for minute in range(-5, 6):
            await execute(
                database,
                "INSERT INTO kpi_raw_data VALUES ($1, 'sales', $2)",
                moment(NOON + 60 * minute),
                float(minute),
            )
        await settle(database, settings)
        client = Client(hub, [SALES])
        await client.connect()
        before = dict(client.views[SALES])
        await hand.set(NOON + 60)
        await step(hub)
        client.read()
        assert client.views[SALES] == before
        await hand.set(NOON + 180)
        await step(hub)
        client.read()
        assert client.views[SALES] == before
        status = client.events[-1]
        assert (status.event, status.json()["state"]) == ("status", "stale")
        assert status.json()["reason"] == "the aggregates are not being refreshed"
        await settle(database, settings)
        await step(hub)
        client.read()
        assert [e.event for e in client.events[-4:]] == ["status", "value", "value", "value"]
        assert client.events[-4].json()["state"] == "live"
        assert [e for e in client.events if e.event in ("gap", "correction")] == []


@pytest.mark.parametrize("backend", ["timescale"], indirect=True)
async def test_a_paused_refresh_job_is_told_and_so_is_its_return(
    shadowed_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.live.health.JOBS_SECONDS", 0.0)
    job = (
        "SELECT alter_job(job_id, scheduled => $1) FROM timescaledb_information.jobs"
        " WHERE proc_name = 'policy_refresh_continuous_aggregate'"
    )
    async with open_hub(shadowed_settings) as (hub, database):
        await Hand(database).set(NOON)
        insert = "INSERT INTO kpi_raw_data VALUES ($1, 'sales', 1)"
        await execute(database, insert, moment(NOON - 60))
        client = Client(hub, [SALES])
        await client.connect()
        await execute(database, job, False)
        await step(hub)
        await execute(database, job, True)
        await step(hub)
        client.read()
        told = [e.json() for e in client.events if e.event == "status"]
        assert [status["state"] for status in told] == ["stale", "live"]
        assert "is paused" in told[0]["reason"]
