"""Who may listen, what a look at the database costs, and what is said while nothing is new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from app.data.database import Database
from app.data.repository import Repository
from app.data.rows import Reading
from app.errors import OverloadedError
from app.live import cursor, events
from app.live.broadcaster import MISSED_TOO_MUCH
from app.live.clock import DatabaseClock
from app.live.cursor import Position
from app.live.fanout import Delivery, Group, Writer
from app.live.heartbeat import Heartbeat
from app.live.hub import Hub
from app.live.snapshots import Snapshots
from app.live.subscriber import Payload, QueuedSubscriber
from app.metrics import Metrics
from app.models import Bucket, Channel, Period
from app.settings import Settings
from tests.running import until
from tests.sse_reader import read
from tests.world import Client, Hand, at, build_days, execute, moment, step

NOON = at("2026-05-04T12:00:30+00:00")
SALES = Channel("sales", Period.MINUTE)


class CountingRepository(Repository):
    """A repository that counts the looks for corrections and for complete buckets."""

    compared = advanced = 0

    async def new_buckets(self, period: Period, codes: Sequence[str], after: int) -> Reading:
        self.advanced += 1
        return await super().new_buckets(period, codes, after)

    async def differing(
        self, period: Period, digests: Mapping[str, int], first: int, until: int
    ) -> dict[str, list[Bucket]]:
        self.compared += 1
        return await super().differing(period, digests, first, until)


class World:
    """A hub on a database with one KPI that has a row in each minute of the last ten."""

    def __init__(self, database: Database, repository: CountingRepository, hub: Hub) -> None:
        self.database = database
        self.repository = repository
        self.hub = hub
        self.hand = Hand(database)

    async def write(self, at_seconds: float, value: float, code: str = "sales") -> None:
        sql = "INSERT INTO kpi_raw_data VALUES ($1, $2, $3)"
        await execute(self.database, sql, moment(at_seconds), code, value)


@pytest.fixture
def settings_of_hub(shadowed_settings: Settings) -> Settings:
    return shadowed_settings


@pytest.fixture
async def world(settings_of_hub: Settings) -> AsyncIterator[World]:
    await build_days(settings_of_hub)
    async with Database(settings_of_hub) as database:
        repository = CountingRepository(database, settings_of_hub)
        async with Hub(repository, settings_of_hub, Metrics()) as hub:
            made = World(database, repository, hub)
            await made.hand.set(NOON)
            for minute in range(1, 11):
                await made.write(NOON - 60 * minute, float(minute))
            yield made


class TestLimit:
    @pytest.fixture
    def settings_of_hub(self, shadowed_settings: Settings) -> Settings:
        return shadowed_settings.model_copy(update={"max_streams": 3})

    async def test_streams_that_open_together_on_a_cold_channel_are_limited_exactly(
        self, world: World
    ) -> None:
        clients = [Client(world.hub, [SALES]) for _ in range(10)]
        opened = await asyncio.gather(
            *(client.connect() for client in clients), return_exceptions=True
        )
        refused = [error for error in opened if error is not None]
        assert len(refused) == 7
        assert all(isinstance(error, OverloadedError) for error in refused)
        assert world.hub.listeners == 3


async def test_a_channel_that_missed_more_than_it_holds_starts_anew(world: World) -> None:
    client = Client(world.hub, [SALES])
    await client.connect()
    week = 7 * 86_400
    await world.write(NOON + week - 60, 5.0)
    await world.hand.set(NOON + week)
    await step(world.hub)
    client.read()
    reset, snapshot = (e for e in client.events[1:] if e.event in ("reset", "snapshot"))
    assert (reset.event, reset.json()["reason"]) == ("reset", MISSED_TOO_MUCH)
    assert snapshot.json()["current"]["value"] == 5.0
    assert len(client.events) < 10
    await client.cut()
    await client.connect()
    assert client.events[-1].event == "status"


async def test_cursors_from_ahead_or_with_other_numbers_share_one_look_at_the_database(
    world: World,
) -> None:
    """Anybody can make such a cursor up, as often as he likes."""
    stays = Client(world.hub, [SALES])
    await stays.connect()
    looks = world.repository.compared
    grid = world.hub.grid(Period.MINUTE)
    newest = grid.index(NOON) - 1
    positions = [Position(newest, 121, 5), Position(newest - 3, 121, 5)]
    tokens = [cursor.encode_token(cursor.key(SALES, grid), position) for position in positions]
    clients = [Client(world.hub, [SALES], cursor=cursor.join([t])) for t in tokens * 20]
    await asyncio.gather(*(client.connect() for client in clients))
    assert [c.events[-1].event for c in clients] == ["snapshot"] * 40
    assert world.repository.compared - looks <= 2


async def test_cursors_from_the_future_share_one_question_and_cause_no_look_for_corrections(
    world: World,
) -> None:
    stays = Client(world.hub, [SALES])
    await stays.connect()
    looks, questions = world.repository.compared, world.repository.advanced
    grid = world.hub.grid(Period.MINUTE)
    token = cursor.encode_token(cursor.key(SALES, grid), Position(grid.index(NOON), 121, 5))
    clients = [Client(world.hub, [SALES], cursor=cursor.join([token])) for _ in range(20)]
    await asyncio.gather(*(client.connect() for client in clients))
    assert [client.resets for client in clients] == [1] * 20
    assert world.repository.compared == looks
    assert world.repository.advanced == questions + 1


async def test_a_cursor_from_after_a_clock_was_put_forward_is_one_of_the_present(
    world: World,
) -> None:
    """Another gateway has seen the jump and has published; this one has not looked since."""
    stays = Client(world.hub, [SALES])
    await stays.connect()
    await world.hand.set(NOON + 120)
    grid = world.hub.grid(Period.MINUTE)
    token = cursor.encode_token(cursor.key(SALES, grid), Position(grid.index(NOON) + 1, 121, 5))
    client = Client(world.hub, [SALES], cursor=cursor.join([token]))
    await client.connect()
    assert client.resets == 0


@pytest.mark.parametrize("history", [60, 1440])
async def test_a_snapshot_is_as_stale_as_the_stream_says(world: World, history: int) -> None:
    """A KPI that reports every 40 minutes is late after 41, and not judged by half a day."""
    code = "rare"
    for minutes in (700, 122, 81, 41):
        await world.write(NOON - 60 * minutes, 1.0, code)
    channel = Channel(code, Period.MINUTE)
    settings = Settings(database_url=None)
    snapshots = Snapshots(world.hub, world.repository, settings)
    cold = b'"stale"' in (await snapshots.get(channel, history)).body
    client = Client(world.hub, [channel])
    await client.connect()
    live = b'"stale"' in (await snapshots.get(channel, history)).body
    assert client.events[0].json()["state"]["state"] == ("stale" if live else "live")
    assert cold == live


async def test_a_ping_waits_for_a_burst_that_is_on_its_way_instead_of_being_left_out() -> None:
    metrics = Metrics()
    writer = Writer(metrics)
    group = Group((), [], writer.put, lambda _: None)
    listener = QueuedSubscriber(1e12, metrics)
    group.join(listener)
    heartbeat = Heartbeat(0.05, DatabaseClock(), writer, metrics, lambda: [group])
    async with asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(heartbeat.run())
        writer.put(Delivery(Payload(events.burst([b"event: value\ndata: 1\n"])), [listener]))
        # The writer has not begun: the burst is on its way for longer than a beat.
        await asyncio.sleep(0.2)
        assert listener.take() == []
        writing = tasks.create_task(writer.run())
        told: list[bytes] = []

        def has_ping() -> bool:
            told.extend(payload.plain for payload in listener.take())
            return any(b"event: ping" in plain for plain in told)

        await until(has_ping)
        assert b"event: value" in told[0]
        beating.cancel()
        writing.cancel()


async def test_a_stream_that_takes_long_to_close_counts_as_expired_once() -> None:
    metrics = Metrics()
    writer = Writer(metrics)
    group = Group((), [], writer.put, lambda _: None)
    listener = QueuedSubscriber(0.0, metrics)
    group.join(listener)
    heartbeat = Heartbeat(0.01, DatabaseClock(), writer, metrics, lambda: [group])
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(heartbeat.run()), tasks.create_task(writer.run())]
        await until(lambda: metrics.bursts_delivered >= 3)
        for task in running:
            task.cancel()
    assert metrics.streams_expired == 1


async def test_a_stream_ends_with_the_reason_soon_after_its_permit(world: World) -> None:
    reasons: list[str] = []

    def permit() -> str | None:
        return reasons[-1] if reasons else None

    with_permit = world.hub.subscribe([SALES], [], 1, permit)
    async with with_permit as ends, world.hub.subscribe([SALES], [], 1) as stays:
        reasons.append("the token has expired")
        told = b"".join([payload.plain async for payload in ends.queue])
        assert [(e.event, e.json()) for e in read(told)] == [
            ("end", {"reason": "the token has expired"})
        ]
        assert not stays.closed


async def test_a_stream_that_has_ended_is_not_asked_for_its_permit_again(world: World) -> None:
    asked = 0

    def permit() -> str | None:
        nonlocal asked
        asked += 1
        return None

    async with world.hub.subscribe([SALES], [], 1, permit):
        await until(lambda: asked > 0)
    before = asked
    still = 0

    def other() -> str | None:
        nonlocal still
        still += 1
        return None

    async with world.hub.subscribe([SALES], [], 1, other):
        await until(lambda: still > 1)
    assert asked == before
