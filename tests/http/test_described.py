"""What goes wrong, and all that a stream tells, is as the description says."""

from __future__ import annotations

import time

import httpx
import pytest

from app.http.openapi.schemas import EVENTS
from app.settings import Settings
from tests.access.signing import sign
from tests.http.conftest import NOON, write
from tests.http.credentials import JWT, bearer
from tests.running import Gateway, open_gateway
from tests.sse_reader import Event
from tests.stream_client import Stream, open_stream
from tests.world import execute, step

MISFIT = "the database cannot be used as it is; the server's log says why"
FAILING = {
    "division": "1 / (g - g)",
    "overflow": "1e400::numeric",
    "raise": "fails('P0001')",
    "routine": "fails('38000')",
    "foreign server": "fails('HV000')",
    "internal": "fails('XX000')",
    "class of nobody": "fails('QQ123')",
    "recursion": "endless(1)",
    "no such table": "missing()",
}
FUNCTIONS = """
    CREATE FUNCTION fails(state text) RETURNS float LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'password of host10' USING ERRCODE = state; END $$;
    CREATE FUNCTION endless(n float) RETURNS float LANGUAGE plpgsql AS
        $$ BEGIN RETURN endless(n + 1); END $$;
    CREATE FUNCTION missing() RETURNS float LANGUAGE plpgsql AS
        $$ BEGIN RETURN (SELECT 1 FROM nowhere_host10); END $$
"""
VIEW = """
    DROP VIEW IF EXISTS kpi_values_minute CASCADE;
    CREATE VIEW kpi_values_minute AS
    SELECT date_trunc('minute', now()) - g * INTERVAL '1 minute' AS bucket,
        'sales'::text AS kpi_code, ({})::float AS avg_value FROM generate_series(1, 5) AS g
"""


@pytest.mark.parametrize("what", FAILING)
async def test_a_view_that_fails_is_an_outage_that_tells_nothing(
    what: str, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        assert (await client.get("/kpi")).status_code == 200  # so that the KPI is known
        await execute(gateway.database, FUNCTIONS)
        await execute(gateway.database, VIEW.format(FAILING[what]))
        for target in ("/kpi/sales?history=4", "/kpi/sales?end=2026-05-04T12:00:00Z"):
            answer = await client.get(target)
            assert answer.status_code == 503
            assert answer.json()["detail"] == MISFIT
            assert int(answer.headers["retry-after"]) > 0
        stream = await client.get("/kpi/sales/stream")
    assert stream.status_code == 200
    assert stream.text.startswith("retry:")
    assert "host10" not in stream.text
    assert "cannot be" in caplog.text


async def test_a_stream_of_what_cannot_be_read_comes_again(
    shadowed_settings: Settings,
) -> None:
    """An EventSource gives up for good on any status other than 200."""
    async with open_gateway(shadowed_settings) as gateway:
        await execute(gateway.database, "DROP VIEW kpi_values_minute CASCADE")
        async with open_stream(gateway.port, "/kpi/sales/stream") as stream:
            assert stream.status == 200
            assert await stream.rest() == []
            assert stream.sse.retry_milliseconds


RULES = {
    "check": "ALTER TABLE kpi_raw_data ADD CHECK (value < 100)",
    "foreign key": "CREATE TABLE plants_host10 (code text PRIMARY KEY);"
    "ALTER TABLE kpi_raw_data ADD FOREIGN KEY (kpi_code) REFERENCES plants_host10"
    " DEFERRABLE INITIALLY DEFERRED NOT VALID",
    "type": "ALTER TABLE kpi_raw_data ADD small numeric(5, 1) GENERATED ALWAYS AS (value) STORED",
    "trigger": "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'not on host10'; END $$;"
    "CREATE TRIGGER refuse BEFORE INSERT ON kpi_raw_data FOR EACH ROW EXECUTE FUNCTION refuse()",
}


@pytest.mark.parametrize("rule", RULES)
async def test_rows_that_the_database_does_not_take_are_refused(
    rule: str, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    await execute(gateway.database, RULES[rule])
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        for target, body in (("/kpi/new/values", "1e9"), ("/values", "value,kpi_code\n1e9,new")):
            answer = await client.post(target, content=body)
            assert answer.status_code == 422
            assert "own rules" in answer.json()["detail"]
            assert "host10" not in answer.text
    assert "does not take a row" in caplog.text


async def test_what_a_database_does_not_keep_is_said(gateway: Gateway) -> None:
    await execute(gateway.database, "DROP TABLE kpi_boards CASCADE")
    await execute(gateway.database, "ALTER TABLE kpi_raw_data RENAME TO elsewhere")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        put = {"name": "a", "definition": {"tiles": []}}
        answers = [
            await client.get("/boards"),
            await client.get("/boards/lobby"),
            await client.get("/boards/lobby/versions"),
            await client.put("/boards/lobby", json=put, headers={"If-None-Match": "*"}),
            await client.delete("/boards/lobby", headers={"If-Match": '"1"'}),
            await client.post("/kpi/new/values", content="1"),
            await client.post("/values", content="value,kpi_code\n1,new"),
        ]
    assert [answer.status_code for answer in answers] == [501] * len(answers)
    async with open_stream(gateway.port, "/stream?channel=sales:minute&board=lobby") as stream:
        assert (await stream.event()).event == "snapshot"


async def test_every_kind_of_event_is_as_described(shadowed_settings: Settings) -> None:
    """`EventStream` holds each event that any test reads against the description."""
    seen: dict[str, Event] = {}
    changes = JWT | {"heartbeat_seconds": 0.2, "partial_seconds": 0.2}
    async with open_gateway(shadowed_settings.model_copy(update=changes)) as gateway:
        await gateway.hand.set(NOON)
        await execute(
            gateway.database,
            "INSERT INTO kpi_catalog (code, target, warning, direction)"
            " VALUES ('sales', 10, 5, 'up')",
        )
        await write(gateway, "sales", NOON - 60, 1.0)
        await write(gateway, "sales", NOON - 10, 3.0)
        grants = {"kpis": ["sales"], "boards": "write"}
        target = "/kpi/sales/stream?cursor=garbage&partial=1&board=lobby"
        token = bearer(sign(grants, exp=int(time.time()) + 4))
        async with (
            open_stream(gateway.port, target, token) as stream,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client,
        ):
            await see(stream, seen, "snapshot")
            await see(stream, seen, "partial")
            await write(gateway, "sales", NOON + 5, 20.0)
            await gateway.hand.set(NOON + 60)
            await step(gateway.service.hub)
            await see(stream, seen, "value")
            resumed = {"Last-Event-ID": seen["value"].last_event_id}
            async with open_stream(gateway.port, target, token | resumed) as again:
                await see(again, seen, "status")
            await write(gateway, "sales", NOON - 60, 9.0)
            await gateway.hand.set(NOON + 120)
            await step(gateway.service.hub)
            await see(stream, seen, "correction", "gap")
            body = {"name": "Lobby", "definition": {"tiles": []}}
            headers = token | {"If-None-Match": "*"}
            await client.put("/boards/lobby", json=body, headers=headers)
            await see(stream, seen, "board")
            await see(stream, seen, "ping")
            await see(stream, seen, "end")
    assert set(seen) == set(EVENTS)


async def see(stream: Stream, seen: dict[str, Event], *names: str) -> None:
    """Read on until there was one of each of these kinds."""
    while not set(names) <= seen.keys():
        event = await stream.event()
        seen[event.event] = event
