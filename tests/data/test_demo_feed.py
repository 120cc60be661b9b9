"""The demo's feed: a full first screen, a row a second, and holes that fill again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from itertools import pairwise
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.data.database import Database
from app.data.demo.catalogue import MACHINE
from app.data.demo.feed import DemoFeed
from app.data.demo.history import History
from app.data.demo.simulator import COMPUTED, SIMULATED, STEP_SECONDS, Simulator
from app.data.repository import Repository
from app.models import Period
from app.settings import Settings

SIMULATED_CODES = [kpi.entry.code for kpi in SIMULATED]
COMPUTED_CODES = [entry.code for entry in COMPUTED]
MACHINE_CODES = [entry.code for entry in MACHINE]
HOUR = timedelta(hours=1)
MONDAY = 1_735_516_800  # 2024-12-30T00:00:00Z


async def rows(database: Database) -> list[tuple[int, str, float]]:
    async with database.connection() as connection:
        found = await connection.fetch(
            'SELECT extract(epoch FROM "timestamp") AS at, kpi_code, value FROM kpi_raw_data'
        )
    return sorted((int(row["at"]), row["kpi_code"], row["value"]) for row in found)


@asynccontextmanager
async def statements(database_url: str) -> AsyncIterator[asyncio.Queue[None]]:
    """Yield a queue that gets an item after each statement that writes raw rows."""
    queue: asyncio.Queue[None] = asyncio.Queue()
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            """
            CREATE OR REPLACE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN NOTIFY written; RETURN NULL; END';
            CREATE OR REPLACE TRIGGER tell AFTER INSERT ON kpi_raw_data
                FOR EACH STATEMENT EXECUTE FUNCTION tell();
            """
        )
        await connection.add_listener("written", lambda *_: queue.put_nowait(None))
        yield queue
    finally:
        await connection.close()


def expected(first: int, until: int) -> list[tuple[int, str, float]]:
    simulator = Simulator()
    return sorted(
        (at, code, simulator.value(code, at))
        for code in SIMULATED_CODES
        for at in range(first, until, STEP_SECONDS)
    )


async def test_the_history_is_what_would_have_been_written(database: Database) -> None:
    history = History(database, Simulator())
    hours = timedelta(hours=3)
    begin = MONDAY - 3 * 3600
    assert await history.fill(MONDAY + 59.9, hours) == 3 * 360 * len(SIMULATED_CODES)
    assert await rows(database) == expected(begin, MONDAY)
    assert await history.fill(MONDAY + 59.9, hours) == 0


async def test_a_minute_that_has_begun_is_filled_up_to_now(database: Database) -> None:
    """Ten seconds before its end there would be no row in it any more: a gap, for good."""
    history = History(database, Simulator())
    count = 6 * len(SIMULATED_CODES)
    assert await history.fill(MONDAY + 59.9, HOUR, with_begun_minute=True) == 60 * count + count
    assert await rows(database) == expected(MONDAY - 3600, MONDAY + 60)
    assert await history.fill(MONDAY + 60.0, HOUR) == 0


async def test_only_holes_are_filled(database: Database) -> None:
    history = History(database, Simulator())
    await history.fill(MONDAY, HOUR)
    async with database.connection() as connection:
        await connection.execute(
            'DELETE FROM kpi_raw_data WHERE "timestamp" >= to_timestamp($1) '
            'AND "timestamp" < to_timestamp($1 + 120.0)',
            float(MONDAY - 1800),
        )
        # A minute that has any row, of whatever else, is no hole.
        await connection.execute(
            "INSERT INTO kpi_raw_data VALUES (to_timestamp($1), $2, 1)",
            float(MONDAY - 1790),
            SIMULATED_CODES[0],
        )
    assert await history.fill(MONDAY, HOUR) == 2 * 6 * len(SIMULATED_CODES) - 6
    kept = [(MONDAY - 1790, SIMULATED_CODES[0], 1.0)]
    whole = expected(MONDAY - 3600, MONDAY)
    lost = [
        row for row in whole if row[1] == SIMULATED_CODES[0] and 0 <= row[0] - MONDAY + 1800 < 60
    ]
    assert await rows(database) == sorted((set(whole) - set(lost)) | set(kept))


@pytest.mark.slow
@pytest.mark.alone
async def test_the_first_screen_is_full_at_once_and_the_week_soon(
    database: Database, settings: Settings, database_url: str
) -> None:
    repository = Repository(database, settings)
    async with statements(database_url) as written, DemoFeed(database):
        minutes = await repository.window(Period.MINUTE, SIMULATED_CODES, 60)
        hours = await repository.window(Period.HOUR, SIMULATED_CODES, 60)
        assert len(minutes.rows) == len(hours.rows) == 60 * len(SIMULATED_CODES)
        async with asyncio.timeout(30):
            while len((await repository.window(Period.DAY, SIMULATED_CODES, 7)).rows) < 7 * len(
                SIMULATED_CODES
            ):
                await written.get()


async def test_every_second_has_its_rows(database: Database, database_url: str) -> None:
    async with statements(database_url) as written, DemoFeed(database, history=HOUR) as feed:
        first = time.time()
        for _ in range(12):
            await written.get()
        last = time.time()
    found = await rows(database)
    machine = [row for row in found if row[1] in MACHINE_CODES]
    seconds = sorted({at for at, _, _ in machine})
    # The last may have been written, but the feed closed before it knew.
    assert len(seconds) - feed.seconds_written in {0, 1}
    assert first - 1 < seconds[0] <= seconds[-1] < last + 1
    assert seconds[-1] - seconds[0] + 1 == len(seconds) + feed.seconds_skipped
    # The second sample has every rate.
    assert {code for at, code, _ in machine if at == seconds[-1]} == set(MACHINE_CODES)
    live = [row for row in found if row[1] in SIMULATED_CODES and row[0] >= first]
    assert set(live) <= set(expected(seconds[0] // 10 * 10, seconds[-1] + 1))
    assert len(live) >= len(SIMULATED_CODES)
    # Nothing of the machine is invented.
    assert min(at for at, _, _ in machine) > first - 1


class SettableClock:
    """The wall clock, and somebody who sets it."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@contextmanager
def logged(text: str) -> Iterator[asyncio.Event]:
    """Yield an event that is set when the feed logs `text`."""
    seen = asyncio.Event()

    class Watcher(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if text in record.getMessage():
                seen.set()

    watcher = Watcher()
    logger = logging.getLogger("app.data.demo.feed")
    logger.addHandler(watcher)
    try:
        yield seen
    finally:
        logger.removeHandler(watcher)


async def test_a_database_that_was_away_gets_its_history_and_goes_on(
    database: Database, database_url: str, postgres_url: str
) -> None:
    name = urlsplit(database_url).path.removeprefix("/")
    clock = SettableClock()
    server = await asyncpg.connect(postgres_url)
    async with DemoFeed(database, history=HOUR, clock=clock) as feed, asyncio.timeout(60):
        with logged("pauses") as pauses, logged("goes on") as goes_on:
            async with statements(database_url) as written:
                await written.get()
            # Gone for everybody, as far as a client can tell.
            await server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
            )
            await server.execute(f"ALTER DATABASE {name} RENAME TO {name}_away")
            await pauses.wait()
            clock.ahead = 300.0
            await server.execute(f"ALTER DATABASE {name}_away RENAME TO {name}")
            await goes_on.wait()
        async with statements(database_url) as written:
            while holes := await missing(database, int(clock()) // 60 * 60):
                await written.get()
        assert holes == 0
        assert feed.seconds_skipped >= 299
    await server.close()
    machine = [at for at, code, _ in await rows(database) if code == "memory_used"]
    # The machine's hole stays one.
    assert max(after - before for before, after in pairwise(machine)) >= 299


async def missing(database: Database, until: int) -> int:
    """Return how many of the last ten minutes of the simulated KPIs have no row."""
    async with database.connection() as connection:
        there: int = await connection.fetchval(
            """
            SELECT count(*) FROM kpi_values_minute WHERE kpi_code = ANY ($1)
                AND bucket >= to_timestamp($2 - 600.0) AND bucket < to_timestamp($2)
            """,
            SIMULATED_CODES,
            float(until),
        )
    return 10 * len(SIMULATED_CODES) - there


async def test_the_catalogue_keeps_what_somebody_changed(
    database: Database, settings: Settings
) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO kpi_catalog (code, name, target) VALUES ('cpu_utilisation', 'Mine', 5)"
        )
    async with DemoFeed(database, history=HOUR):
        pass
    entries = {entry.code: entry for entry in await Repository(database, settings).catalogue()}
    assert entries["cpu_utilisation"].name == "Mine"
    simulated = [code for code, entry in entries.items() if entry.simulated]
    assert simulated == sorted([*SIMULATED_CODES, *COMPUTED_CODES])
    assert set(entries) == {*SIMULATED_CODES, *COMPUTED_CODES, *MACHINE_CODES}
