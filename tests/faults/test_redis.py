"""Redis is slow, full, closed to us or speaks another language: gateways read the database."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from redis.asyncio import Redis

from app.settings import Settings
from tests.cluster.cluster import NOON, Cluster, listening, open_cluster
from tests.cluster.test_faults import begin, corrected, saw
from tests.faults.conftest import Record
from tests.faults.report import Outcome
from tests.soaking import sized

pytestmark = pytest.mark.soak

LISTENERS = sized(10, soak=200)
SLOW_SECONDS = 0.4

Fault = Callable[[Cluster, Redis], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def slow(cluster: Cluster, redis: Redis) -> AsyncIterator[None]:
    cables = (cluster.cable_to_redis, cluster.first_to_redis)
    for cable in cables:
        cable.delay_seconds = SLOW_SECONDS
    yield
    for cable in cables:
        cable.delay_seconds = 0.0


@asynccontextmanager
async def full(cluster: Cluster, redis: Redis) -> AsyncIterator[None]:
    await redis.config_set("maxmemory", "1")
    yield
    await redis.config_set("maxmemory", "0")


@asynccontextmanager
async def without_the_right_to_listen(cluster: Cluster, redis: Redis) -> AsyncIterator[None]:
    await redis.acl_setuser("default", enabled=True, commands=["-subscribe"])
    await redis.client_kill_filter(_type="pubsub")
    await cluster.gateways[0].says("polling for ourselves")
    yield
    await redis.acl_setuser("default", enabled=True, commands=["+subscribe"])


@asynccontextmanager
async def without_the_right_to_publish(cluster: Cluster, redis: Redis) -> AsyncIterator[None]:
    await redis.acl_setuser("default", enabled=True, commands=["-publish"])
    yield
    await redis.acl_setuser("default", enabled=True, commands=["+publish"])


@asynccontextmanager
async def of_another_release(cluster: Cluster, redis: Redis) -> AsyncIterator[None]:
    """Others share the channels of this Redis, and say what is no message of ours."""
    strange = [
        b"",
        b"\xff\xfe",
        b"null",
        json.dumps({"version": 2, "epoch": 1, "buckets": []}).encode(),
        json.dumps([10**6, 5, [["1", 2, 3, 4, 5]], None]).encode(),
        json.dumps([10**6, "token", [[1, "x", None, None, None, None]], None]).encode(),
        json.dumps(["1", "2"]).encode(),
        b"[" * 10_000,
    ]
    for data in strange:
        for topic in ("kpi", "kpi:sales:minute", "kpi:costs:minute", "kpi:sales:fortnight"):
            await redis.publish(topic, data)
    yield


@pytest.mark.parametrize(
    "fault",
    [slow, full, without_the_right_to_listen, without_the_right_to_publish, of_another_release],
)
async def test_listeners_lose_nothing(
    shadowed_settings: Settings, fault: Fault, record: Record
) -> None:
    async with (
        open_cluster(shadowed_settings, publishers=1, gateways=1) as cluster,
        Redis.from_url(cluster.redis.url) as redis,
    ):
        (publisher,), (gateway,) = cluster.publishers, cluster.gateways
        await publisher.says("publishing, epoch")
        await begin(cluster)
        async with listening(cluster, LISTENERS) as listeners:
            async with fault(cluster, redis):
                await cluster.write("costs", NOON - 200, 33.0)
                await saw(listeners, NOON)
                await corrected(cluster, listeners, -5)
            spoken = len(gateway.said)
            back = time.monotonic()
            if any("polling for ourselves" in line for line in gateway.said):
                flows = [n for n, line in enumerate(gateway.said) if "messages flow" in line]
                polls = [n for n, line in enumerate(gateway.said) if "polling for" in line]
                if max(polls) > max(flows):
                    await gateway.says("messages flow", after=spoken)
            recovered = time.monotonic() - back
            await corrected(cluster, listeners, -6)
            await cluster.same_as_truth(listeners)
            assert {listener.connections for listener in listeners} == {1}
            compared = sum(len(view) for one in listeners for view in one.views.values())
    name = "Redis " + fault.__name__.replace("_", " ")
    record(Outcome(name, 1, LISTENERS, compared, 0, 0, recovered))
