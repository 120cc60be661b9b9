"""Views of other people's, to the listener: no gap before its refresh, and gaps once it has run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from app.data.database import Database
from app.data.repository import Repository
from app.live.hub import Hub
from app.metrics import Metrics
from app.models import Channel, Period
from app.settings import Settings
from tests.world import SHADOW, Client, Hand, at, execute, moment, open_hub, step, with_shadow

NOON = at("2026-05-04T12:00:30+00:00")
SALES = Channel("sales", Period.MINUTE)

TABLE = "CREATE TABLE metrics (at timestamptz NOT NULL, device text, value double precision)"
AGGREGATE = """
    CREATE MATERIALIZED VIEW metrics_{period} WITH (timescaledb.continuous,
        timescaledb.materialized_only = true) AS
    SELECT time_bucket('1 {period}', at) AS at, device, avg(value) AS avg
    FROM metrics GROUP BY 1, 2 WITH NO DATA
"""
FILLED = """
    CREATE MATERIALIZED VIEW metrics_{period} AS
    SELECT date_trunc('{period}', at, 'UTC') AS at, device, avg(value) AS avg
    FROM metrics GROUP BY 1, 2
"""
PLAIN = """
    CREATE VIEW kpi_values_{period} AS
    SELECT at AS bucket, device AS kpi_code, avg AS avg_value FROM metrics_{period}
"""


@asynccontextmanager
async def hub_on(url: str) -> AsyncIterator[tuple[Hub, Database]]:
    settings = Settings(database_url=SecretStr(with_shadow(url)))
    async with (
        Database(settings) as database,
        Hub(Repository(database, settings), settings, Metrics()) as hub,
    ):
        yield hub, database


async def make(url: str, kind: str) -> None:
    async with Database(Settings(database_url=SecretStr(url))) as database:
        await execute(database, SHADOW)
        await execute(database, TABLE)
        if kind == AGGREGATE:
            await execute(database, "SELECT create_hypertable('metrics', 'at')")
        for period in ("minute", "hour", "day"):
            await execute(database, kind.format(period=period))
            await execute(database, PLAIN.format(period=period))


async def write(database: Database, *minutes: int) -> None:
    for minute in minutes:
        row = "INSERT INTO metrics VALUES ($1, 'sales', $2)"
        await execute(database, row, moment(NOON + 60 * minute), float(minute))


REFRESH = {
    AGGREGATE: "CALL refresh_continuous_aggregate('metrics_minute', NULL, '{}')",
    FILLED: "REFRESH MATERIALIZED VIEW metrics_minute",
}


async def refresh(database: Database, kind: str, until: int) -> None:
    async with database.connection() as connection:
        await connection.execute(REFRESH[kind].format(moment(until)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "kind"),
    [("timescale", AGGREGATE), ("postgres", FILLED)],
    indirect=["backend"],
    ids=["continuous aggregate", "materialised view"],
)
async def test_nothing_is_a_gap_before_its_refresh(empty_url: str, kind: str) -> None:
    await make(empty_url, kind)
    async with hub_on(empty_url) as (hub, database):
        await Hand(database).set(NOON)
        await write(database, *range(-5, 1))
        await refresh(database, kind, NOON - 30)
        client = Client(hub, [SALES])
        await client.connect()
        for minute in range(1, 4):
            await Hand(database).set(NOON + 60 * minute)
            await write(database, minute)
            await step(hub)
        client.read()
        assert [e.event for e in client.events if e.event in ("gap", "correction")] == []
        await refresh(database, kind, NOON + 150)
        await step(hub)
        client.read()
        values = [e.json()["value"] for e in client.events if e.event == "value"]
        assert values == [0.0, 1.0, 2.0]
        assert [e.event for e in client.events if e.event in ("gap", "correction")] == []


@pytest.mark.parametrize("backend", ["timescale"], indirect=True)
async def test_where_nobody_writes_gaps_come_with_each_run_of_the_job(
    shadowed_settings: Settings,
) -> None:
    settings = shadowed_settings.model_copy(update={"materialized_only": True})
    async with open_hub(settings) as (hub, database):
        await Hand(database).set(NOON)
        row = "INSERT INTO kpi_raw_data VALUES ($1, 'sales', 1)"
        await execute(database, row, moment(NOON - 60))
        await execute(
            database,
            f"CALL refresh_continuous_aggregate('kpi_values_minute', NULL, '{moment(NOON - 30)}')",
        )
        client = Client(hub, [SALES])
        await client.connect()
        for minute in range(1, 5):
            await Hand(database).set(NOON + 60 * minute)
            await execute(database, RAN, moment(NOON + 60 * minute - 25))
            await step(hub)
        client.read()
        assert [e.event for e in client.events if e.event == "gap"] == ["gap"] * 4
        reasons = {e.json()["reason"] for e in client.events if e.event == "status"}
        assert "no new rows" in reasons
        assert "the aggregates are not being refreshed" not in reasons


RAN = """
    INSERT INTO _timescaledb_internal.bgw_job_stat AS s
        (job_id, last_start, last_finish, next_start, last_successful_finish, last_run_success,
        total_runs, total_duration, total_duration_failures, total_successes, total_failures,
        total_crashes, consecutive_failures, consecutive_crashes, flags)
    SELECT job_id, $1, $1, $1, $1, true, 1, INTERVAL '0', INTERVAL '0', 1, 0, 0, 0, 0, 0
    FROM timescaledb_information.jobs WHERE hypertable_name = 'kpi_values_minute'
    ON CONFLICT (job_id) DO UPDATE SET last_start = $1, last_finish = $1,
        last_successful_finish = $1, last_run_success = true
"""


@pytest.mark.parametrize("backend", ["timescale"], indirect=True)
async def test_a_job_that_is_slow_but_runs_is_no_trouble(
    shadowed_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its runs drift, and end a minute before now: a bucket may wait for two minutes."""
    monkeypatch.setattr("app.live.health.JOBS_SECONDS", 0.0)
    settings = shadowed_settings.model_copy(update={"materialized_only": True})
    async with open_hub(settings) as (hub, database):
        await execute(database, SLOW)
        await Hand(database).set(NOON)
        row = "INSERT INTO kpi_raw_data VALUES ($1, 'sales', 1)"
        for minute in range(-5, 1):
            await execute(database, row, moment(NOON + 60 * minute))
        client = Client(hub, [SALES])
        for minute in range(5):
            await Hand(database).set(NOON + 60 * minute)
            await execute(database, row, moment(NOON + 60 * minute))
            # Late in the minute it looks back to a minute before; then nothing until the next.
            until = moment(NOON + 60 * minute - 90)
            await execute(
                database, f"CALL refresh_continuous_aggregate('kpi_values_minute', NULL, '{until}')"
            )
            if minute == 0:
                await client.connect()
            await Hand(database).set(NOON + 60 * minute + 55)
            await step(hub)
        client.read()
        assert [e for e in client.events if e.event == "status"] == []
        await Hand(database).set(NOON + 600)
        await step(hub)
        client.read()
        assert client.events[-1].json()["reason"] == "the aggregates are not being refreshed"


SLOW = """
    SELECT remove_continuous_aggregate_policy('kpi_values_minute');
    SELECT add_continuous_aggregate_policy('kpi_values_minute', start_offset => NULL,
        end_offset => INTERVAL '1 minute', schedule_interval => INTERVAL '1 minute')
"""
