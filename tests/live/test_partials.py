"""Open buckets so far: for those who want them alone, one query a period, never in a cursor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from app.data.database import Database
from app.data.repository import Repository
from app.data.rows import Reading
from app.live.fanout import Subscription
from app.live.hub import Hub
from app.metrics import Metrics
from app.models import Channel, Period
from app.settings import Settings
from tests.running import until
from tests.sse_reader import Event, read
from tests.world import Hand, at, build_days, execute, moment, step

NOON = at("2026-05-04T12:20:30+00:00")
HOUR = Channel("sales", Period.HOUR)
DAY = Channel("sales", Period.DAY)
OTHER = Channel("stock", Period.HOUR)


class CountingRepository(Repository):
    """A repository that keeps account of the looks at open buckets."""

    looks: list[tuple[Period, list[str]]]

    async def open_buckets(self, period: Period, codes: Sequence[str]) -> Reading:
        self.looks.append((period, list(codes)))
        return await super().open_buckets(period, codes)


class World:
    """A hub on a database in which a few rows are of the hour that is open."""

    def __init__(self, database: Database, repository: CountingRepository, hub: Hub) -> None:
        self.database = database
        self.repository = repository
        self.hub = hub
        self.hand = Hand(database)

    async def write(self, at_seconds: float, value: float, code: str = "sales") -> None:
        sql = "INSERT INTO kpi_raw_data VALUES ($1, $2, $3)"
        await execute(self.database, sql, moment(at_seconds), code, value)


@pytest.fixture
async def world(shadowed_settings: Settings) -> AsyncIterator[World]:
    settings = shadowed_settings.model_copy(update={"partial_seconds": 0.2})
    await build_days(settings)
    async with Database(settings) as database:
        repository = CountingRepository(database, settings)
        repository.looks = []
        async with Hub(repository, settings, Metrics()) as hub:
            made = World(database, repository, hub)
            await made.hand.set(NOON)
            for minute, value in ((90, 1.0), (10, 4.0), (5, 8.0)):
                await made.write(NOON - 60 * minute, value)
            await made.write(NOON - 60, 5.0, "stock")
            yield made


class Inbox:
    """All that a stream has got."""

    def __init__(self, subscription: Subscription) -> None:
        self._queue = subscription.queue
        self.events: list[Event] = []

    def partials(self) -> list[Event]:
        for payload in self._queue.take():
            self.events += read(payload.plain)
        return [event for event in self.events if event.event == "partial"]


async def test_the_open_bucket_comes_soon_without_an_id_and_again_when_it_changed(
    world: World,
) -> None:
    async with world.hub.subscribe([HOUR], [], 1, partial=True) as subscription:
        inbox = Inbox(subscription)
        await until(lambda: len(inbox.partials()) == 1)
        (first,) = inbox.partials()
        assert first.last_event_id == ""
        told = first.json()
        assert (told["kpi"], told["period"], told["value"]) == ("sales", "hour", 6.0)
        assert (told["points"], told["bucket"]) == (2, "2026-05-04T12:00:00Z")
        assert told["until"] == "2026-05-04T12:20:30Z"
        await world.write(NOON - 20, 0.0)
        await until(lambda: len(inbox.partials()) == 2)
        assert inbox.partials()[1].json()["value"] == 4.0


async def test_one_query_a_period_serves_all_and_nobody_there_costs_none(world: World) -> None:
    channels = [HOUR, DAY, OTHER]
    async with (
        world.hub.subscribe(channels, [], 1, partial=True) as one,
        world.hub.subscribe(channels, [], 1, partial=True) as two,
        world.hub.subscribe([HOUR], [], 1) as without,
    ):
        inboxes = [Inbox(one), Inbox(two)]
        await until(lambda: all(len(inbox.partials()) == 3 for inbox in inboxes))
        looks = world.repository.looks[:2]
        assert looks == [(Period.HOUR, ["sales", "stock"]), (Period.DAY, ["sales"])]
        assert Inbox(without).partials() == []
    # One that was under way may still end.
    await step(world.hub)
    before = len(world.repository.looks)
    async with world.hub.subscribe([HOUR], [], 1) as without:
        inbox = Inbox(without)
        await world.write(NOON - 20, 0.0)
        await world.hand.set(NOON + 3600)
        await step(world.hub)
        await until(lambda: inbox.partials() == [] and len(inbox.events) > 0)
    assert len(world.repository.looks) <= before + 1


async def test_a_newcomer_has_at_once_what_is_known(world: World) -> None:
    async with world.hub.subscribe([HOUR], [], 1, partial=True) as first:
        inbox = Inbox(first)
        await until(lambda: len(inbox.partials()) == 1)
        async with world.hub.subscribe([HOUR], [], 1, partial=True) as second:
            assert len(Inbox(second).partials()) == 1


async def test_it_leaves_series_and_cursor_alone(world: World) -> None:
    async with world.hub.subscribe([HOUR], [], 1) as plain:
        expected = plain.cursor
    async with world.hub.subscribe([HOUR], [], 1, partial=True) as subscription:
        inbox = Inbox(subscription)
        await until(lambda: len(inbox.partials()) == 1)
        broadcaster = world.hub.live(HOUR)
        assert broadcaster is not None
        assert broadcaster.view([]).cursor == expected
