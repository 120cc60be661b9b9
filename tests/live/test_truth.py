"""Each client's view is what SQL says of the raw rows, and nothing comes twice."""

from __future__ import annotations

import random
from itertools import cycle
from typing import Any

import pytest

from app.data.database import Database
from app.data.rollups import Rollups
from app.live.hub import Hub
from app.models import STORED_PERIODS, Channel, Period
from app.settings import Settings
from tests.backends import settle
from tests.conftest import Shadowed
from tests.kpis import KPIS, PLAIN, describe
from tests.soaking import sized
from tests.sse_reader import Event
from tests.world import Client, Hand, at, execute, fetch, moment, open_hub, step, truth

STEPS = sized(120, soak=6_000)
BOTH_STEPS = sized(60, soak=1_000)
CODES = list(PLAIN)
OFTEN = [Channel(code, period) for code in CODES[:3] for period in STORED_PERIODS]
ONE_OF_EACH = [Channel(*each) for each in zip(KPIS, cycle(Period), strict=False)]
EVERYTHING = [Channel(code, period) for code in KPIS for period in Period]

# Where a clock is put forward, where it is put back, where a month ends, and where a week does.
BEGINNINGS = {
    "spring": ("Europe/Berlin", "2026-03-28T21:30:00+01:00"),
    "autumn": ("Europe/Berlin", "2026-10-24T22:00:00+02:00"),
    "kolkata": ("Asia/Kolkata", "2026-06-30T22:50:00+05:30"),
    "monday": ("America/New_York", "2026-02-01T22:30:00-05:00"),
}


CHANGES = [
    "UPDATE kpi_raw_data SET value = value + 1",
    "UPDATE kpi_raw_data SET timestamp = timestamp - INTERVAL '1 minute'",
    "UPDATE kpi_raw_data SET timestamp = timestamp - INTERVAL '20 minutes'",
    "INSERT INTO kpi_raw_data SELECT * FROM kpi_raw_data",
    "DELETE FROM kpi_raw_data",
]
SWAP = """
UPDATE kpi_raw_data SET timestamp = CASE
    WHEN timestamp < $2::timestamptz + INTERVAL '1 minute' THEN timestamp + ($3 - $2)
    ELSE timestamp - ($3 - $2)
END
WHERE kpi_code = $1
    AND (timestamp >= $2 AND timestamp < $2 + INTERVAL '1 minute'
        OR timestamp >= $3 AND timestamp < $3 + INTERVAL '1 minute')
"""


class Storm:
    """A seeded run of writes, changes, deletions, cuts, and a clock that moves on."""

    def __init__(
        self,
        seed: int,
        channels: list[Channel],
        hub: Hub,
        database: Database,
        settings: Settings,
        now: int,
    ) -> None:
        self.random = random.Random(seed)
        self.hub = hub
        self.database = database
        self.settings = settings
        self.hand = Hand(database)
        self.now = now
        self.clients = [Client(hub, [channel]) for channel in channels[:: len(channels) // 4]]
        self.clients += [Client(hub, channels), Client(hub, channels[::2], history=5)]

    async def write(self) -> None:
        """Write rows around now, some of them late, some in the bucket that is open."""
        for _ in range(self.random.randint(1, 4)):
            late = self.random.choice([0, 0, 5, 70, 400, 3000, 6000])
            when = self.now - self.random.uniform(0, 30) - late
            value = self.random.choice([1.5, -3.25, 0.1, 1e9, 7.0]) * self.random.randint(1, 9)
            code = self.random.choice(CODES)
            await execute(
                self.database,
                "INSERT INTO kpi_raw_data VALUES ($1, $2, $3)",
                moment(when),
                code,
                value,
            )

    async def change(self) -> None:
        """Change, delete, move or repeat a few rows of the last hour and a half."""
        rows = await fetch(
            self.database,
            "SELECT timestamp, kpi_code FROM kpi_raw_data WHERE timestamp > $1 ORDER BY 1, 2",
            moment(self.now - 5400),
        )
        for row in self.random.sample(rows, min(len(rows), 2)):
            verb = self.random.choice(CHANGES)
            where = " WHERE timestamp = $1 AND kpi_code = $2"
            await execute(self.database, verb + where, row["timestamp"], row["kpi_code"])

    async def swap(self) -> None:
        """Exchange two minutes of the last hour and a half: the same contents, elsewhere."""
        back, further = sorted(self.random.sample(range(1, 90), 2))
        minutes = [moment((self.now // 60 - minute) * 60) for minute in (further, back)]
        await execute(self.database, SWAP, self.random.choice(CODES), *minutes)

    async def look(self) -> None:
        """Have the pollers see the database as it is."""
        await settle(self.database, self.settings)
        await step(self.hub)

    async def tick(self) -> None:
        """Let time pass and the pollers see it."""
        self.now += self.random.choice([7, 20, 60, 61, 300])
        await self.hand.set(self.now)
        await self.look()

    async def jump(self) -> None:
        """Let a good part of an hour pass unseen."""
        await self.look()
        self.now += self.random.choice([900, 1800])
        await self.tick()

    async def cut(self) -> None:
        client = self.random.choice(self.clients)
        if client.connected:
            await client.cut(lose_bytes=self.random.choice([0, 0, 1, 40, 500]))

    async def connect(self) -> None:
        client = self.random.choice(self.clients)
        if not client.connected:
            await settle(self.database, self.settings)
            await client.connect()

    async def run(self, steps: int) -> None:
        deeds = {
            self.write: 30,
            self.change: 6,
            self.swap: 3,
            self.tick: 30,
            self.jump: 2,
            self.cut: 12,
            self.connect: 24,
        }
        for _ in range(steps):
            (deed,) = self.random.choices(list(deeds), list(deeds.values()))
            await deed()
            for client in self.clients:
                if client.connected:
                    client.read()
        await settle(self.database, self.settings)
        for client in self.clients:
            if not client.connected:
                await client.connect()
        await self.look()
        for client in self.clients:
            client.read()


async def storm(
    seed: int, channels: list[Channel], beginning: str, steps: int, settings: Settings
) -> list[Client]:
    """Run a storm, hold every view against the raw rows, and return the clients."""
    zone, start = BEGINNINGS[beginning]
    settings = settings.model_copy(update={"timezone": zone})
    async with open_hub(settings) as (hub, database):
        now = at(start)
        await Hand(database).set(now)
        await describe(database)
        for code in CODES:
            await execute(
                database, "INSERT INTO kpi_raw_data VALUES ($1, $2, 1)", moment(now - 90), code
            )
        run = Storm(seed, channels, hub, database, settings, now)
        async with Rollups(database):
            await run.run(steps)
        assert sum(client.sent_twice for client in run.clients) == 0
        compared = 0
        for client in run.clients:
            for channel, view in client.views.items():
                kpi = KPIS[channel.code]
                said = await truth(
                    database,
                    channel,
                    hub.grid(channel.period),
                    sorted(view),
                    value=kpi.sql,
                    inputs=kpi.inputs,
                )
                assert view == said, channel
                compared += len(view)
        assert compared > steps / 4
        return run.clients


@pytest.mark.soak
@pytest.mark.timeout(120 + STEPS / 2)
@pytest.mark.parametrize("beginning", BEGINNINGS)
async def test_every_view_is_the_truth(beginning: str, shadowed_settings: Settings) -> None:
    await storm(1, OFTEN, beginning, STEPS, shadowed_settings)


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.timeout(120 + STEPS / 2)
@pytest.mark.parametrize("beginning", BEGINNINGS)
async def test_so_it_is_for_every_aggregate_formula_and_period(
    beginning: str, shadowed_settings: Settings
) -> None:
    await storm(2, EVERYTHING, beginning, STEPS // 2, shadowed_settings)


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.timeout(120 + BOTH_STEPS)
@pytest.mark.parametrize("beginning", BEGINNINGS)
async def test_both_backends_send_the_same(
    beginning: str, shadowed_on: Shadowed, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of its own accord a poller looks every few seconds of real time, which is not the same in
    # both runs; here it looks when the storm says.
    monkeypatch.setattr("app.live.schedule.COMPARE_SECONDS", 1e6)
    # Nor does it rest between the looks that returning listeners cause.
    monkeypatch.setattr("app.live.schedule.Schedule.may_look", True)
    sent = []
    for backend in ("postgres", "timescale"):
        async with shadowed_on(backend) as settings:
            clients = await storm(3, ONE_OF_EACH, beginning, BOTH_STEPS, settings)
            sent.append([seen(client.events) for client in clients])
    for on_postgres, on_timescale in zip(*sent, strict=True):
        assert on_postgres == on_timescale


def seen(events: list[Event]) -> list[tuple[str, dict[str, Any]]]:
    """Return what a client shows: the cursor is opaque to it, and pings come in real time."""
    return [
        (event.event, {name: value for name, value in event.json().items() if name != "cursor"})
        for event in events
        if event.event != "ping"
    ]
