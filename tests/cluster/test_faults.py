"""Faults made for real: no listener loses a bucket, or sees one change without a correction."""

from __future__ import annotations

import asyncio
import time

import pytest

from app.settings import Settings
from tests.cluster.cluster import NOON, SALES, Cluster, listening, open_cluster, overhearing
from tests.cluster.listener import Listener

pytestmark = pytest.mark.slow


async def begin(cluster: Cluster) -> None:
    """Write the half hour before noon; the minute after it is complete in four seconds."""
    for minute in range(-30, 1):
        await cluster.write("sales", NOON + 60 * minute + 10, minute + 100.0)
        await cluster.write("costs", NOON + 60 * minute + 10, minute + 50.0)
    await cluster.set_clock(NOON + 56.2)


async def saw(listeners: list[Listener], start: int) -> None:
    """Wait until all have the buckets of that minute."""
    for listener in listeners:
        await listener.until(
            lambda listener=listener: all(start in view for view in listener.views.values())  # type: ignore[misc]
        )


async def corrected(cluster: Cluster, listeners: list[Listener], minute: int) -> None:
    """Write a late row, and wait until all have its correction."""
    start = NOON + 60 * minute
    before = [listener.views[SALES][start] for listener in listeners]
    await cluster.write("sales", start + 20, 1000.0 + minute)
    for listener, old in zip(listeners, before, strict=True):
        await listener.until(
            lambda listener=listener, old=old: listener.views[SALES][start] != old  # type: ignore[misc]
        )


async def test_a_leader_that_is_killed_is_replaced_within_three_seconds(
    shadowed_settings: Settings,
) -> None:
    async with open_cluster(shadowed_settings) as cluster:
        leader, other = await cluster.leader()
        await begin(cluster)
        async with listening(cluster, 4) as listeners, overhearing(cluster.redis) as overheard:
            await leader.kill()
            killed = time.monotonic()
            await other.says("publishing, epoch")
            assert time.monotonic() - killed < 3
            await saw(listeners, NOON)
            await corrected(cluster, listeners, -5)
            await cluster.same_as_truth(listeners)
            assert overheard.epochs() == sorted(overheard.epochs())
            assert {listener.connections for listener in listeners} == {1}


async def test_a_leader_that_is_frozen_is_deposed_and_says_nothing_when_it_wakes(
    shadowed_settings: Settings,
) -> None:
    async with open_cluster(shadowed_settings) as cluster:
        leader, other = await cluster.leader()
        await begin(cluster)
        async with listening(cluster, 4) as listeners, overhearing(cluster.redis) as overheard:
            leader.freeze()
            frozen = time.monotonic()
            await cluster.write("sales", NOON - 100, 77.0)
            number = await other.says("publishing, epoch")
            assert time.monotonic() - frozen < 3.5
            await saw(listeners, NOON)
            before = len(leader.said)
            leader.wake()
            await leader.says("not publishing", after=before)
            await leader.says("standing by", after=before)
            assert overheard.epochs() == sorted(overheard.epochs())
            overheard.said.clear()
            await corrected(cluster, listeners, -5)
            await cluster.same_as_truth(listeners)
            (epoch,) = set(overheard.epochs())
            assert other.said[number - 1] == f"publishing, epoch {epoch}"


async def test_without_any_publisher_gateways_poll_and_then_listen_again(
    shadowed_settings: Settings,
) -> None:
    async with open_cluster(shadowed_settings) as cluster:
        await cluster.leader()
        await begin(cluster)
        async with listening(cluster, 4) as listeners:
            for publisher in cluster.publishers:
                await publisher.kill()
            await saw(listeners, NOON)
            await corrected(cluster, listeners, -5)
            spoken = [len(gateway.said) for gateway in cluster.gateways]
            await cluster.publishers[0].start()
            for gateway, before in zip(cluster.gateways, spoken, strict=True):
                await gateway.says("messages flow", after=before)
            async with overhearing(cluster.redis) as overheard:
                await corrected(cluster, listeners, -6)
                assert "kpi:sales:minute" in overheard.messages()
            await cluster.same_as_truth(listeners)


async def test_redis_may_be_killed_and_started_again(shadowed_settings: Settings) -> None:
    async with open_cluster(shadowed_settings) as cluster:
        await cluster.leader()
        await begin(cluster)
        async with listening(cluster, 4) as listeners:
            spoken = [len(gateway.said) for gateway in cluster.gateways]
            await cluster.redis.kill()
            await cluster.write("costs", NOON - 200, 33.0)
            await saw(listeners, NOON)
            await corrected(cluster, listeners, -5)
            await cluster.redis.start()
            for gateway, before in zip(cluster.gateways, spoken, strict=True):
                await gateway.says("messages flow", after=before)
            await corrected(cluster, listeners, -6)
            await cluster.same_as_truth(listeners)
            assert {listener.connections for listener in listeners} == {1}


async def test_a_gateway_cut_off_from_redis_polls_for_itself(shadowed_settings: Settings) -> None:
    async with open_cluster(shadowed_settings) as cluster:
        await cluster.leader()
        await begin(cluster)
        async with listening(cluster, 6) as listeners:
            first = cluster.gateways[0]
            cluster.first_to_redis.silence()
            await cluster.write("costs", NOON - 200, 33.0)
            await first.says("polling for ourselves")
            await saw(listeners, NOON)
            await corrected(cluster, listeners, -5)
            before = len(first.said)
            cluster.first_to_redis.mend()
            await first.says("messages flow", after=before)
            await corrected(cluster, listeners, -6)
            await cluster.same_as_truth(listeners)
            assert {listener.connections for listener in listeners} == {1}


async def test_a_gateway_cut_off_from_the_database_lives_on_messages(
    shadowed_settings: Settings,
) -> None:
    async with open_cluster(shadowed_settings) as cluster:
        await cluster.leader()
        await begin(cluster)
        async with listening(cluster, 6) as listeners:
            cluster.first_to_database.cut()
            await saw(listeners, NOON)
            await corrected(cluster, listeners, -5)
            assert {state for one in listeners for state in one.states.values()} == {"live"}
            cluster.first_to_database.mend()
            await cluster.same_as_truth(listeners)
            assert {listener.connections for listener in listeners} == {1}


async def test_while_the_database_is_away_all_say_stale(shadowed_settings: Settings) -> None:
    async with open_cluster(shadowed_settings) as cluster:
        await cluster.leader()
        await begin(cluster)
        async with listening(cluster, 4) as listeners:
            for cable in (cluster.cable_to_database, cluster.first_to_database):
                cable.cut()
            for listener in listeners:
                await listener.until(
                    lambda listener=listener: set(listener.states.values()) == {"stale"}  # type: ignore[misc]
                )
            async with overhearing(cluster.redis) as overheard:
                # Longer than an election takes.
                await asyncio.sleep(3)
                assert overheard.said == []
            await cluster.write("costs", NOON - 200, 33.0)
            for cable in (cluster.cable_to_database, cluster.first_to_database):
                cable.mend()
            await saw(listeners, NOON)
            await corrected(cluster, listeners, -5)
            await cluster.same_as_truth(listeners)
            for listener in listeners:
                assert set(listener.states.values()) == {"live"}


async def test_listeners_of_a_gateway_that_is_killed_go_on_elsewhere(
    shadowed_settings: Settings,
) -> None:
    async with open_cluster(shadowed_settings) as cluster:
        await cluster.leader()
        await begin(cluster)
        async with listening(cluster, 6) as listeners:
            first = cluster.gateways[0]
            await first.kill()
            await cluster.write("sales", NOON - 200, 33.0)
            # Its port still takes connections, which nobody answers until it is back.
            await first.start()
            await saw(listeners, NOON)
            await corrected(cluster, listeners, -5)
            await cluster.same_as_truth(listeners)
            assert max(listener.connections for listener in listeners) > 1
