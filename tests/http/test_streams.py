"""The streams over a real socket."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest

from app.settings import Settings
from tests.http.conftest import NOON, QueryCounter, write
from tests.running import Gateway, open_gateway, until
from tests.stream_client import Stream, open_stream
from tests.world import step


async def test_a_stream_begins_with_retry_and_snapshot(gateway: Gateway) -> None:
    async with open_stream(gateway.port, "/kpi/sales/stream?period=minute&history=2") as stream:
        assert stream.status == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-cache, no-transform"
        assert stream.headers["x-accel-buffering"] == "no"
        snapshot = await stream.event()
        assert snapshot.event == "snapshot"
        assert [b["value"] for b in snapshot.json()["history"]] == [9.0, 10.0]
        assert snapshot.last_event_id == snapshot.json()["cursor"]
        assert stream.sse.retry_milliseconds is not None


async def test_complete_buckets_come_as_values_and_gaps(gateway: Gateway) -> None:
    async with open_stream(gateway.port, "/kpi/sales/stream") as stream:
        await stream.event("snapshot")
        await write(gateway, "sales", NOON, 20.0)
        await gateway.hand.set(NOON + 120)
        await step(gateway.service.hub)
        value, gap = await stream.event("value"), await stream.event("gap")
        assert value.json()["value"] == 20.0
        assert value.json()["delta"] == 10.0
        assert value.json()["previous"]["value"] == 10.0
        assert (gap.json()["bucket"], gap.json()["value"]) == ("2026-05-04T12:01:00Z", None)
        assert gap.last_event_id != ""


async def test_a_changed_bucket_comes_as_one_correction(gateway: Gateway) -> None:
    async with open_stream(gateway.port, "/kpi/sales/stream") as stream:
        await stream.event("snapshot")
        await write(gateway, "sales", NOON - 90, 100.0)
        await step(gateway.service.hub)
        await step(gateway.service.hub)
        await gateway.hand.set(NOON + 60)
        await step(gateway.service.hub)
        correction = await stream.event()
        assert correction.event == "correction"
        assert (correction.json()["value"], correction.json()["points"]) == (55.0, 2)
        assert (await stream.event()).event == "gap"


async def test_resuming_neither_loses_nor_repeats(gateway: Gateway) -> None:
    async with open_stream(gateway.port, "/kpi/sales/stream") as stream:
        cursor = (await stream.event("snapshot")).last_event_id
    await write(gateway, "sales", NOON, 20.0)
    await gateway.hand.set(NOON + 60)
    for target, headers in (
        ("/kpi/sales/stream", {"Last-Event-ID": cursor}),
        (f"/kpi/sales/stream?cursor={cursor}", {}),
        (f"/stream?channel=sales:minute&cursor={cursor}", {}),
        ("/kpi/sales/stream?cursor=garbage", {"Last-Event-ID": cursor}),
    ):
        async with open_stream(gateway.port, target, headers) as stream:
            seen = [await stream.event(), await stream.event()]
            assert [event.event for event in seen] == ["value", "status"]
            assert seen[0].json()["value"] == 20.0
            assert seen[1].last_event_id not in ("", cursor)
    async with open_stream(
        gateway.port, "/kpi/sales/stream", {"Last-Event-ID": seen[1].last_event_id}
    ) as stream:
        assert (await stream.event()).event == "status"


async def test_a_correction_while_away_is_told_by_a_snapshot_of_the_whole_window(
    gateway: Gateway,
) -> None:
    async with open_stream(gateway.port, "/kpi/sales/stream") as stream:
        cursor = (await stream.event("snapshot")).last_event_id
    await write(gateway, "sales", NOON, 20.0)
    await write(gateway, "sales", NOON - 300, 50.0)
    await gateway.hand.set(NOON + 60)
    target = f"/kpi/sales/stream?history=1&cursor={cursor}"
    async with open_stream(gateway.port, target) as stream:
        snapshot = await stream.event()
        assert snapshot.event == "snapshot"
        # Two hours back from where the client stood, and what became complete since.
        buckets = {bucket["bucket"]: bucket["value"] for bucket in snapshot.json()["history"]}
        assert min(buckets) == "2026-05-04T09:59:00Z"
        assert len(buckets) == 122
        assert buckets["2026-05-04T11:55:00Z"] == 28.0  # 6 and 50
        assert buckets["2026-05-04T12:00:00Z"] == 20.0


@pytest.mark.parametrize("cursor", ["garbage", "1", "1AAAA", "é", "x" * 30_000])
async def test_a_bad_cursor_gives_a_reset_and_a_snapshot(cursor: str, gateway: Gateway) -> None:
    target = str(httpx.URL("/kpi/sales/stream", params={"cursor": cursor}))
    async with open_stream(gateway.port, target) as stream:
        assert stream.status == 200
        assert (await stream.event()).event == "reset"
        assert (await stream.event()).event == "snapshot"


async def test_an_old_cursor_gives_a_reset(gateway: Gateway) -> None:
    async with open_stream(gateway.port, "/kpi/sales/stream") as stream:
        cursor = (await stream.event("snapshot")).last_event_id
    await gateway.hand.set(NOON + 8 * 86_400)
    async with open_stream(gateway.port, f"/kpi/sales/stream?cursor={cursor}") as stream:
        assert (await stream.event()).json()["reason"] == "the cursor is too old"


async def test_many_channels_over_one_connection(gateway: Gateway) -> None:
    await write(gateway, "stock", NOON - 60, 5.0)
    target = "/stream?channel=sales:minute&channel=stock:minute&channel=sales:hour"
    async with open_stream(gateway.port, target) as stream:
        snapshots = [(await stream.event("snapshot")).json() for _ in range(3)]
        assert [f"{s['kpi']}:{s['period']}" for s in snapshots] == [
            "sales:minute",
            "stock:minute",
            "sales:hour",
        ]
        await write(gateway, "stock", NOON, 6.0)
        await gateway.hand.set(NOON + 60)
        await step(gateway.service.hub)
        events = [await stream.event(), await stream.event()]
        assert {(e.event, e.json()["kpi"]) for e in events} == {
            ("gap", "sales"),
            ("value", "stock"),
        }
        assert [bool(e.last_event_id) for e in events] == [True, True]
        cursor = events[1].last_event_id
    async with open_stream(gateway.port, f"{target}&cursor={cursor}") as stream:
        assert [(await stream.event()).event for _ in range(3)] == ["status"] * 3


async def test_rest_cursors_of_several_channels_compose(gateway: Gateway) -> None:
    await write(gateway, "stock", NOON - 60, 5.0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        cursors = [(await client.get(f"/kpi/{c}")).json()["cursor"] for c in ("sales", "stock")]
    await write(gateway, "stock", NOON - 120, 1.0)
    await step(gateway.service.hub)
    target = "/stream?channel=sales:minute&channel=stock:minute" + "".join(
        f"&cursor={cursor}" for cursor in cursors
    )
    async with open_stream(gateway.port, target) as stream:
        first = await stream.event()
        assert (first.event, first.json()["kpi"]) == ("status", "sales")
        repaired = await stream.event()
        assert (repaired.event, repaired.json()["kpi"]) == ("snapshot", "stock")
        buckets = {bucket["bucket"]: bucket["value"] for bucket in repaired.json()["history"]}
        assert buckets["2026-05-04T11:58:00Z"] == 1.0


async def test_pings_tell_the_databases_time(shadowed_settings: Settings) -> None:
    settings = shadowed_settings.model_copy(update={"heartbeat_seconds": 0.2})
    async with open_gateway(settings) as gateway:
        await gateway.hand.set(NOON)
        await write(gateway, "sales", NOON - 60, 1.0)
        async with open_stream(gateway.port, "/kpi/sales/stream") as stream:
            ping = await stream.event("ping")
            assert ping.json()["time"].startswith("2026-05-04T12:00:3")


async def test_an_old_stream_is_ended_in_good_order(shadowed_settings: Settings) -> None:
    changes = {"heartbeat_seconds": 0.1, "stream_max_age": timedelta(seconds=0.1)}
    async with open_gateway(shadowed_settings.model_copy(update=changes)) as gateway:
        await gateway.hand.set(NOON)
        await write(gateway, "sales", NOON - 60, 1.0)
        async with open_stream(gateway.port, "/kpi/sales/stream") as stream:
            await stream.rest()
            assert stream.ended
        assert gateway.service.metrics.streams_expired == 1


async def test_a_refused_stream_is_told_when_to_come_back(gateway: Gateway) -> None:
    async with open_stream(gateway.port, "/kpi/sales/stream") as stream:
        await stream.event("snapshot")
    gateway.service.hub.refuse_more()
    async with open_stream(gateway.port, "/kpi/sales/stream") as stream:
        assert stream.status == 200
        assert await stream.rest() == []
        assert stream.sse.retry_milliseconds is not None
        assert stream.sse.comments == ["the server is shutting down; another one will answer"]


async def test_more_streams_than_are_allowed_are_told_to_come_back(
    shadowed_settings: Settings,
) -> None:
    settings = shadowed_settings.model_copy(update={"max_streams": 2})
    async with open_gateway(settings) as gateway:
        await gateway.hand.set(NOON)
        await write(gateway, "sales", NOON - 60, 1.0)
        async with AsyncExitStack() as stack:
            await _listen(gateway, 2, stack)
            async with open_stream(gateway.port, "/kpi/sales/stream") as stream:
                assert stream.status == 200
                assert await stream.rest() == []
                assert stream.sse.retry_milliseconds is not None
        await until(lambda: gateway.service.hub.listeners == 0)
        async with open_stream(gateway.port, "/kpi/sales/stream") as stream:
            await stream.event("snapshot")


async def _listen(gateway: Gateway, count: int, stack: AsyncExitStack) -> list[Stream]:
    streams = []
    for _ in range(count):
        opened = open_stream(gateway.port, "/kpi/sales/stream")
        stream = await stack.enter_async_context(opened)
        await stream.event("snapshot")
        streams.append(stream)
    return streams


async def test_listeners_cost_no_queries_and_nobody_listening_costs_none(
    gateway: Gateway, query_counter: QueryCounter
) -> None:
    hub = gateway.service.hub
    counts: dict[int, int] = {}
    now = NOON
    for listeners in (1, 200):
        async with AsyncExitStack() as stack:
            streams = await _listen(gateway, listeners, stack)
            async with query_counter() as counted:
                for _ in range(5):
                    now += 60
                    await gateway.hand.set(now)
                    await step(hub)
            counts[listeners] = counted.reads
            for stream in streams:
                for _ in range(5):
                    await stream.event("gap")
        await until(lambda: hub.listeners == 0)
        async with query_counter() as counted:
            await gateway.hand.set(now)
            await step(hub)
        assert counted.reads == 0
    assert counts == {1: 10, 200: 10}  # five ticks: new buckets and corrections, once each
