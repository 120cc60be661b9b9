"""Ticks inside every wait of a resume: nothing is lost, invented or sent twice."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest

from app.data.database import Database
from app.data.repository import Repository
from app.data.rows import Reading
from app.live.hub import Hub
from app.metrics import Metrics
from app.models import Bucket, Channel, Period
from app.settings import Settings
from tests.world import Client, Hand, at, build_days, execute, moment, step, truth

NOON = at("2026-05-04T12:00:30+00:00")
FIRST = NOON // 60 * 60
CHANNELS = [Channel("sales", Period.MINUTE), Channel("stock", Period.MINUTE)]


class TickingRepository(Repository):
    """A repository at which time passes, and rows change, before and after each query."""

    def __init__(self, database: Database, settings: Settings, seed: int) -> None:
        super().__init__(database, settings)
        self.random = random.Random(seed)
        self.hand = Hand(database)
        self.hub: Hub | None = None
        self.now = NOON
        self.ticking = False
        self._open_database = database
        self._within = False

    async def tick(self, *, published: bool) -> None:
        """Let up to two minutes pass and a row change; with `published` the hub sees it at once."""
        if not self.ticking or self._within:
            return
        self._within = True
        self.now += self.random.choice([0, 60, 60, 120])
        for channel in CHANNELS:
            late = self.random.choice([30, 90, 600, 5400])
            sql = "INSERT INTO kpi_raw_data VALUES ($1, $2, $3)"
            value = float(self.random.randint(1, 9))
            await execute(self._open_database, sql, moment(self.now - late), channel.code, value)
        await self.hand.set(self.now)
        if published and self.hub is not None:
            await step(self.hub)
        self._within = False

    async def new_buckets(self, period: Period, codes: Sequence[str], after: int) -> Reading:
        await self.tick(published=False)
        reading = await super().new_buckets(period, codes, after)
        await self.tick(published=False)
        return reading

    async def window(self, period: Period, codes: Sequence[str], depth: int) -> Reading:
        await self.tick(published=False)
        reading = await super().window(period, codes, depth)
        await self.tick(published=False)
        return reading

    async def since(self, period: Period, firsts: Mapping[str, int]) -> Reading:
        await self.tick(published=True)
        reading = await super().since(period, firsts)
        await self.tick(published=True)
        return reading

    async def differing(
        self, period: Period, digests: Mapping[str, int], first: int, until: int
    ) -> dict[str, list[Bucket]]:
        await self.tick(published=False)
        found = await super().differing(period, digests, first, until)
        await self.tick(published=False)
        return found


@pytest.mark.parametrize("seed", range(6))
async def test_a_resume_with_ticks_in_all_its_waits_ends_at_the_truth(
    seed: int, shadowed_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every look at the database out of turn is made, so that there are ticks in those, too.
    monkeypatch.setattr("app.live.schedule.SUSPICION_SECONDS", 0.0)
    monkeypatch.setattr("app.live.schedule.COMPARE_SHARE", 0)
    await build_days(shadowed_settings)
    async with Database(shadowed_settings) as database:
        repository = TickingRepository(database, shadowed_settings, seed)
        await repository.hand.set(NOON)
        async with Hub(repository, shadowed_settings, Metrics()) as hub:
            repository.hub = hub
            stays = Client(hub, CHANNELS[:1])
            returns = Client(hub, CHANNELS)
            await stays.connect()
            await returns.connect()
            for away in (1, 5, 20, 60, 90):
                await returns.cut()
                repository.now += 60 * away
                repository.ticking = True
                await repository.hand.set(repository.now)
                if repository.random.random() < 0.5:
                    await step(hub)
                await returns.connect()
                repository.ticking = False
                await step(hub)
                for client in (stays, returns):
                    client.read()
                    for channel, view in client.views.items():
                        said = await truth(database, channel, hub.grid(Period.MINUTE), sorted(view))
                        assert view == said, (away, channel)
                        since = sorted(start for start in view if start >= FIRST)
                        assert since == list(range(FIRST, since[-1] + 60, 60)), "a hole"
            assert (stays.sent_twice, returns.sent_twice) == (0, 0)
            assert (stays.resets, returns.resets) == (0, 0)
