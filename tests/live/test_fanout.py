"""Everybody gets each event once, in order, whenever they join, are replaced or leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.grid import Grid
from app.live.broadcaster import Broadcaster
from app.live.fanout import Delivery, Group, Writer
from app.live.series import Extent, Series
from app.live.subscriber import Payload, QueuedSubscriber
from app.metrics import Metrics
from app.models import Channel, Period
from tests.sse_reader import read
from tests.zones import zone

CHANNEL = Channel("a", Period.MINUTE)


def loaded() -> Broadcaster:
    """Return a channel that has been read from the database."""
    grid = Grid(Period.MINUTE, zone())
    broadcaster = Broadcaster(CHANNEL, grid)
    broadcaster.load(Series(CHANNEL, grid, [], 1_782_000_000, Extent(10, 3)))
    return broadcaster


class Room:
    """A group, its writer, and what became of it."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.writer = Writer(self.metrics)
        self.dissolved: list[Group] = []
        self.group = Group((CHANNEL,), [loaded()], self.writer.put, self.dissolved.append)

    def listener(self) -> QueuedSubscriber:
        return QueuedSubscriber(1e12, self.metrics)

    def say(self, *words: str) -> None:
        for word in words:
            self.group.append(b"event: value\ndata: " + word.encode() + b"\n")

    async def flush(self) -> None:
        self.group.seal()
        await self.writer.emptied()


@asynccontextmanager
async def open_room() -> AsyncIterator[Room]:
    room = Room()
    async with asyncio.TaskGroup() as group:
        writer = group.create_task(room.writer.run())
        yield room
        writer.cancel()


def heard(queue: QueuedSubscriber) -> list[str]:
    return [event.data for payload in queue.take() for event in read(payload.plain)]


async def test_what_is_said_in_one_tick_leaves_as_one_burst_with_one_cursor() -> None:
    async with open_room() as room:
        listener = room.listener()
        room.group.join(listener)
        room.say("1", "2")
        await room.flush()
        (payload,) = listener.take()
        ids = [event.last_event_id for event in read(payload.plain)]
        assert ids == ["", room.group.cursor()]


async def test_who_joins_in_the_middle_of_a_tick_hears_the_rest_only() -> None:
    async with open_room() as room:
        early, late = room.listener(), room.listener()
        room.group.join(early)
        room.say("1")
        room.group.join(late)
        room.say("2")
        await room.flush()
        assert heard(early) == ["1", "2"]
        assert heard(late) == ["2"]


async def test_a_successor_gets_what_was_pending_and_what_was_on_its_way() -> None:
    async with open_room() as room:
        queue, successor = room.listener(), room.listener()
        room.group.join(queue)
        room.say("1")
        await room.flush()
        room.say("2")
        room.group.seal()  # on its way to the queue, not written yet
        room.group.replace(queue, successor)
        for payload in queue.succeed(successor):
            successor.deliver(payload)
        room.say("3")
        await room.flush()
        assert heard(successor) == ["1", "2", "3"]
        assert room.group.members == {successor}


async def test_the_audience_dissolves_with_its_last_member() -> None:
    async with open_room() as room:
        one, two = room.listener(), room.listener()
        room.group.join(one)
        room.group.join(two)
        room.group.leave(one)
        room.group.leave(one)
        assert room.dissolved == []
        room.group.leave(two)
        assert room.dissolved == [room.group]


async def test_more_listeners_than_a_slice_all_hear_it() -> None:
    async with open_room() as room:
        listeners = [room.listener() for _ in range(1000)]
        for listener in listeners:
            room.group.join(listener)
        room.say("1")
        await room.flush()
        assert [heard(listener) for listener in listeners] == [["1"]] * 1000
        assert room.metrics.bursts_delivered == 1000


async def test_a_mailbox_that_nobody_reads_is_closed_and_counted() -> None:
    async with open_room() as room:
        listener = room.listener()
        big = Payload(b"x" * (QueuedSubscriber.MAX_BYTES // 4))
        for _ in range(5):
            room.writer.put(Delivery(big, [listener]))
        await room.writer.emptied()
        assert [payload async for payload in listener] == []
        assert room.metrics.slow_readers_closed == 1


async def test_a_closed_mailbox_gives_what_it_holds_and_ends() -> None:
    async with open_room() as room:
        listener = room.listener()
        listener.deliver(Payload(b"1"))
        listener.close()
        listener.deliver(Payload(b"2"))
        assert [payload.plain async for payload in listener] == [b"1"]


async def test_a_burst_larger_than_the_queue_and_the_next_reach_who_reads() -> None:
    async with open_room() as room:
        listener = room.listener()
        sizes = (3 * QueuedSubscriber.MAX_BYTES, QueuedSubscriber.MAX_BYTES // 2, 100)
        for size in sizes:  # as after an outage: one after the other, before anybody can read
            listener.deliver(Payload(b"x" * size))
        listener.close()
        assert tuple([len(payload.plain) async for payload in listener]) == sizes
        assert room.metrics.slow_readers_closed == 0


async def test_a_queue_that_was_emptied_forgets_how_large_its_bursts_were() -> None:
    async with open_room() as room:
        listener = room.listener()
        listener.deliver(Payload(b"x" * 3 * QueuedSubscriber.MAX_BYTES))
        assert len(listener.take()) == 1
        for _ in range(5):
            listener.deliver(Payload(b"x" * (QueuedSubscriber.MAX_BYTES // 4)))
        assert room.metrics.slow_readers_closed == 1
