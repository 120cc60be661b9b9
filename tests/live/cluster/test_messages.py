"""What a gateway makes of messages, of lost ones above all; the test is the publisher."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from app.data.database import Database
from app.data.repository import Repository
from app.errors import LeadershipLostError
from app.grid import Grid, make_grids
from app.live.cluster.messages import Beat, Message, channel_of, topic
from app.live.cluster.redis_messaging import RedisMessaging
from app.live.cluster.redis_publication import RedisPublication
from app.live.health import Trouble
from app.live.hub import Hub
from app.live.series import Extent, Series
from app.metrics import Metrics
from app.models import Bucket, Channel, Period
from app.settings import Settings
from tests.redis_server import RedisServer, redis_server
from tests.world import Client, Hand, at, execute, moment, truth
from tests.zones import zone

NOON = at("2026-05-04T12:00:30+00:00")
SALES = Channel("sales", Period.MINUTE)
GRID = Grid(Period.MINUTE, zone())

OTHER_TYPES = (
    b'["7","t",[],null]',
    b'[true,"t",[],null]',
    b"[7,8,[],null]",
    b'[7,"t",[["1",1.0,1,1.0,1.0,5]],null]',
    b'[7,"t",[[60,"1",1,1.0,1.0,5]],null]',
    b'[7,"t",[[60,1.0,1.5,1.0,1.0,5]],null]',
    b'[7,"t",[[60,1.0,1,1.0,1.0,null]],null]',
    b'[7,"t",[],[null,null]]',
    b'[7,"t",[],["why","then"]]',
    b'[7,"t",{"start":60},null]',
)
"""Messages of the right shape with values of other types, as another release may send them."""


@dataclass
class Stage:
    """A gateway's hub on a real database and Redis, a client of it, and the publisher's part."""

    database: Database
    repository: HeldRepository
    publication: RedisPublication
    hub: Hub
    metrics: Metrics
    client: Client
    extent: Extent
    epoch: int = 7

    async def series(self) -> Series:
        """Read what a publisher would hold now."""
        reading = await self.repository.window(Period.MINUTE, ["sales"], self.extent.depth)
        rows = [bucket for _, bucket in reading.rows]
        until = reading.complete_until
        return Series(SALES, GRID, rows, until, self.extent)

    async def say(self, *starts: int, epoch: int | None = None, now: float = NOON) -> None:
        """Publish the buckets that start then, as the database has them now."""
        series = await self.series()
        buckets = [series.at(GRID.index(start)) for start in starts]
        said = Message(epoch or self.epoch, series.token(), buckets, None)
        messages = [(topic(SALES, GRID), said.encode())]
        await self.publication.publish(Beat(epoch or self.epoch, now), messages)

    async def beat(self, now: float = NOON) -> None:
        await self.publication.publish(Beat(self.epoch, now), [])

    async def write(self, at_seconds: float, value: float) -> None:
        sql = "INSERT INTO kpi_raw_data VALUES ($1, 'sales', $2)"
        await execute(self.database, sql, moment(at_seconds), value)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                self.client.read()
                await asyncio.sleep(0.005)

    def names(self) -> list[str]:
        self.client.read()
        return [event.event for event in self.client.events if event.event != "ping"]

    async def same_as_truth(self) -> None:
        view = self.client.views[SALES]
        said = await truth(self.database, SALES, GRID, sorted(view))
        await self.until(lambda: self.client.views[SALES] == said)
        assert self.client.sent_twice == 0


class HeldRepository(Repository):
    """Answers as ever, but a look for corrections arrives late when it is held."""

    def __init__(self, database: Database, settings: Settings) -> None:
        super().__init__(database, settings)
        self.free = asyncio.Event()
        self.free.set()
        self.holding = asyncio.Event()

    async def differing(
        self, period: Period, digests: Mapping[str, int], first: int, until: int
    ) -> dict[str, list[Bucket]]:
        found = await super().differing(period, digests, first, until)
        self.holding.set()
        await self.free.wait()
        return found


@asynccontextmanager
async def opened(settings: Settings, redis: RedisServer) -> AsyncIterator[Stage]:
    metrics = Metrics()
    messaging = RedisMessaging(redis.url, make_grids(settings.zone), metrics)
    async with Database(settings) as database, RedisPublication(redis.url) as publication:
        await Hand(database).set(NOON)
        repository = HeldRepository(database, settings)
        async with Hub(repository, settings, metrics, messaging) as hub:
            extent = Extent.of(Period.MINUTE, settings.correction_window)
            client = Client(hub, [SALES])
            stage = Stage(database, repository, publication, hub, metrics, client, extent)
            for minute in range(1, 11):
                await stage.write(NOON - 60 * minute, float(minute))
            async with asyncio.timeout(20):
                while not messaging.flowing:
                    await stage.beat()
                    await asyncio.sleep(0.01)
            await client.connect()
            yield stage


@pytest.fixture
async def stage(shadowed_settings: Settings) -> AsyncIterator[Stage]:
    async with redis_server() as redis, opened(shadowed_settings, redis) as made:
        yield made


def test_topics_name_channels_and_the_grid_of_their_days() -> None:
    grids = {period: Grid(period, zone("Europe/Berlin")) for period in Period}
    for period in Period:
        channel = Channel("a.b-c_D:9".replace(":", ""), period)
        assert channel_of(topic(channel, grids[period]), grids) == channel
    days = topic(Channel("sales", Period.DAY), Grid(Period.DAY, zone("Asia/Kolkata")))
    assert days == "kpi:sales:day@Asia/Kolkata"
    assert channel_of(days, grids) is None
    for name in ("kpi", "kpi:", "kpi:epoch", "kpi:sales:week", "kpi:ä:minute", "kpi:a:minute@UTC"):
        assert channel_of(name, grids) is None


def test_messages_come_back_as_they_were() -> None:
    buckets = [Bucket(60, 0.1 + 0.2, 3, -1e290, 5e-324, -(2**63)), Bucket.gap(120)]
    message = Message(2**52, "1abc", buckets, Trouble("no rows", 3.5))
    assert Message.decode(message.encode()) == message
    beat = Beat(9, 1.25)
    assert Beat.decode(beat.encode()) == beat
    for wrong in (b"", b"{}", b"[]", b"[1,2]", b'[1,"t",[[1]],null]', b"\xff", *OTHER_TYPES):
        with pytest.raises(ValueError):
            Message.decode(wrong)
    with pytest.raises(ValueError):
        Beat.decode(b"[1]")


async def test_a_value_comes_by_message_without_a_query(stage: Stage) -> None:
    minute = NOON // 60 * 60
    await stage.write(minute + 5, 4.0)
    await Hand(stage.database).set(NOON + 60)
    await stage.say(minute, now=NOON + 60)
    await stage.until(lambda: stage.names() == ["snapshot", "value"])
    assert stage.metrics.messages_missed == 0
    await stage.same_as_truth()


async def test_lost_values_are_read_from_the_database(stage: Stage) -> None:
    minute = NOON // 60 * 60
    for later in range(3):
        await stage.write(minute + 60 * later + 5, 4.0 + later)
    await Hand(stage.database).set(NOON + 180)
    await stage.say(minute + 120, now=NOON + 180)
    await stage.until(lambda: stage.names() == ["snapshot", "value", "value", "value"])
    assert stage.metrics.messages_missed == 1
    await stage.same_as_truth()


async def test_a_lost_correction_is_noticed_by_the_next_message(stage: Stage) -> None:
    minute = NOON // 60 * 60
    await stage.write(minute - 235, 100.0)
    await stage.say(now=NOON)
    await stage.until(lambda: stage.names() == ["snapshot", "correction"])
    assert stage.metrics.messages_missed == 1
    await stage.same_as_truth()


async def test_what_is_garbage_or_of_an_older_epoch_changes_nothing(stage: Stage) -> None:
    minute = NOON // 60 * 60
    name = topic(SALES, GRID)
    wrong = Bucket(minute - 60, 666.0, 1, 666.0, 666.0, 13)
    for garbage in (b"", b"[]", *OTHER_TYPES):
        await stage.publication.publish(Beat(stage.epoch, NOON), [(name, garbage)])
    stale = Message(stage.epoch - 1, "1old", [wrong], None).encode()
    # As if Redis had forgotten the epoch: under the new one's beat, the old one's words.
    await stage.publication.publish(Beat(stage.epoch, NOON), [(name, stale)])
    await stage.write(minute - 235, 100.0)
    await stage.say(minute - 240)
    await stage.same_as_truth()
    assert stage.names() == ["snapshot", "correction"]


@pytest.mark.parametrize("unreadable", OTHER_TYPES)
async def test_a_message_that_cannot_be_read_is_made_up_for_from_the_database(
    stage: Stage, unreadable: bytes
) -> None:
    await stage.write(NOON // 60 * 60 - 235, 100.0)
    await stage.publication.publish(Beat(stage.epoch, NOON), [(topic(SALES, GRID), unreadable)])
    await stage.until(lambda: stage.names() == ["snapshot", "correction"])
    assert stage.metrics.messages_missed == 1
    await stage.same_as_truth()


async def test_redis_refuses_a_publisher_of_an_older_epoch(stage: Stage) -> None:
    with pytest.raises(LeadershipLostError):
        await stage.say(NOON // 60 * 60 - 60, epoch=stage.epoch - 1)
    await stage.say(NOON // 60 * 60 - 60, epoch=stage.epoch + 1)
    with pytest.raises(LeadershipLostError):
        await stage.beat()


async def test_topics_have_subscribers_while_somebody_listens(stage: Stage) -> None:
    assert await stage.publication.topics() == ["kpi:sales:minute"]
    other = Client(stage.hub, [SALES, Channel("sales", Period.DAY)])
    await other.connect()
    await stage.client.cut()
    assert sorted(await stage.publication.topics()) == ["kpi:sales:day@UTC", "kpi:sales:minute"]
    await other.cut()
    async with asyncio.timeout(10):
        while await stage.publication.topics():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_trouble_at_the_publisher_is_told_to_listeners(stage: Stage) -> None:
    series = await stage.series()
    for trouble in (Trouble("the aggregates are not being refreshed", float(NOON)), None):
        said = Message(stage.epoch, series.token(), [], trouble).encode()
        await stage.publication.publish(Beat(stage.epoch, NOON), [(topic(SALES, GRID), said)])
    await stage.until(lambda: stage.names() == ["snapshot", "status", "status"])
    told = [event.json() for event in stage.client.events if event.event == "status"]
    assert [(said["state"], said["reason"]) for said in told] == [
        ("stale", "the aggregates are not being refreshed"),
        ("live", None),
    ]


async def test_messages_that_come_while_the_database_is_looked_at_stand(stage: Stage) -> None:
    minute = NOON // 60 * 60
    await stage.write(minute - 235, 100.0)
    await stage.write(minute + 5, 4.0)
    stage.repository.free.clear()
    await stage.say()
    async with asyncio.timeout(20):
        await stage.repository.holding.wait()
    # What was found is of now; a correction and a value come before it arrives.
    await stage.write(minute - 235, 200.0)
    await Hand(stage.database).set(NOON + 60)
    await stage.say(minute - 240, minute, now=NOON + 60)
    await stage.until(lambda: stage.names() == ["snapshot", "correction", "value"])
    stage.repository.free.set()
    await stage.say(now=NOON + 60)
    # The next look, which the one that came too late asks for.
    stage.repository.holding.clear()
    async with asyncio.timeout(20):
        await stage.repository.holding.wait()
    await stage.beat(NOON + 60)
    await stage.same_as_truth()
    assert stage.names() == ["snapshot", "correction", "value"]
