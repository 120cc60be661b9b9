"""A database whose clock the test moves, a hub on it, and clients that keep account of it all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg

from app.data import schema
from app.data.database import Database
from app.data.repository import Repository
from app.grid import Grid
from app.live.fanout import Subscription
from app.live.hub import Hub
from app.metrics import Metrics
from app.models import Channel
from app.settings import Settings
from tests.sse_reader import Event, Reader

SHADOW = """
CREATE SCHEMA IF NOT EXISTS clock;
CREATE TABLE IF NOT EXISTS clock.hand (at timestamptz NOT NULL);
DELETE FROM clock.hand;
INSERT INTO clock.hand VALUES ($$2026-01-01T00:00:00Z$$);
CREATE OR REPLACE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT at FROM clock.hand';
"""


def with_shadow(url: str) -> str:
    """Return the URL with the search path that puts the shadow before the database's own clock."""
    return url + ("&" if "?" in url else "?") + "search_path=clock,public,pg_catalog"


Numbers = tuple[float | None, int | None, float | None, float | None]


def at(text: str) -> int:
    """Return an instant written as ISO 8601 in seconds."""
    return int(datetime.fromisoformat(text).timestamp())


def moment(at_seconds: float) -> datetime:
    return datetime.fromtimestamp(at_seconds, UTC)


class Hand:
    """The hand of the database's clock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(self, at_seconds: float) -> None:
        await execute(self._database, "UPDATE clock.hand SET at = $1", moment(at_seconds))


async def step(hub: Hub) -> None:
    """Bring everything that is listened to in step with the database now."""
    for poller in hub.pollers.values():
        await poller.turn(look=True)


async def execute(database: Database, sql: str, *arguments: Any) -> None:
    async with database.connection() as connection:
        await connection.execute(sql, *arguments)


async def fetch(database: Database, sql: str, *arguments: Any) -> list[asyncpg.Record]:
    async with database.connection() as connection:
        return list(await connection.fetch(sql, *arguments))


@dataclass
class Client:
    """A listener that may be cut off anywhere, and what it has seen."""

    hub: Hub
    channels: list[Channel]
    history: int = 60
    views: dict[Channel, dict[int, Numbers]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    sent_twice: int = 0
    resets: int = 0
    repairs: int = 0
    cursor: str = ""

    def __post_init__(self) -> None:
        self._stack = AsyncExitStack()
        self._subscription: Subscription | None = None
        self._reader = Reader()

    @property
    def connected(self) -> bool:
        return self._subscription is not None

    async def connect(self) -> None:
        cursors = [self.cursor] if self.cursor else []
        subscribing = self.hub.subscribe(self.channels, cursors, self.history)
        self._subscription = await self._stack.enter_async_context(subscribing)
        self._reader = Reader()
        self._read(self._subscription.preamble)

    def read(self) -> None:
        """Take in all that has come since."""
        assert self._subscription is not None
        for payload in self._subscription.queue.take():
            self._read(payload.plain)

    async def cut(self, *, lose_bytes: int = 0) -> None:
        """Lose the connection, and with it the last bytes that were on their way."""
        assert self._subscription is not None
        pending = b"".join(payload.plain for payload in self._subscription.queue.take())
        self._read(pending[: len(pending) - lose_bytes])
        await self._stack.aclose()
        self._stack = AsyncExitStack()
        self._subscription = None

    def _read(self, received: bytes) -> None:
        for event in self._reader.feed(received):
            self.events.append(event)
            self._take(event)
        self.cursor = self._reader.last_event_id or self.cursor

    def _take(self, event: Event) -> None:
        data = event.json()
        if event.event == "ping":
            return
        channel = Channel.parse(f"{data['kpi']}:{data['period']}")
        if event.event == "snapshot":
            # It replaces what it covers; a whole one also covers the gaps before the first value.
            held = self.views.setdefault(channel, {})
            self.repairs += bool(held)
            covered = {at(bucket["bucket"]): numbers(bucket) for bucket in data["history"]}
            held.update(covered)
        elif event.event in ("value", "gap"):
            start = at(data["bucket"])
            self.sent_twice += start in self.views[channel]
            self.views[channel][start] = numbers(data)
        elif event.event == "correction":
            start = at(data["bucket"])
            self.sent_twice += self.views[channel].get(start) == numbers(data)
            self.views[channel][start] = numbers(data)
        elif event.event == "reset":
            self.resets += 1
            self.views.pop(channel, None)


def numbers(bucket: dict[str, Any]) -> Numbers:
    return bucket["value"], bucket["points"], bucket["min"], bucket["max"]


AVERAGE = "sum(value::text::numeric) / nullif(count(value), 0)"

TRUTH = """
SELECT ({value})::double precision AS value, count(value) AS points,
    min(value) AS minimum, max(value) AS maximum
FROM unnest($2::timestamptz[], $3::timestamptz[]) WITH ORDINALITY AS b (first, until, nr)
LEFT JOIN kpi_raw_data ON kpi_code = ANY ($1) AND timestamp >= first AND timestamp < until
GROUP BY nr ORDER BY nr
"""


async def truth(
    database: Database,
    channel: Channel,
    grid: Grid,
    starts: list[int],
    *,
    value: str = AVERAGE,
    inputs: Sequence[str] = (),
) -> dict[int, Numbers]:
    """Return what SQL over the raw rows says of buckets; `inputs` are the KPIs of a formula."""
    ends = [moment(grid.next(start)) for start in starts]
    codes = list(inputs) or [channel.code]
    sql = TRUTH.replace("{value}", value)
    rows = await fetch(database, sql, codes, [moment(start) for start in starts], ends)
    said: list[Numbers] = [
        (None, 0, None, None)
        if row["value"] is None
        else (row["value"], row["points"], *((None, None) if inputs else row[2:]))
        for row in rows
    ]
    return dict(zip(starts, said, strict=True))


async def build_days(settings: Settings) -> None:
    """Make a database's days those of the settings' time zone."""
    async with Database(settings, server_settings={"search_path": "public"}) as plain:
        await schema.init(plain, settings)


@asynccontextmanager
async def open_hub(settings: Settings) -> AsyncIterator[tuple[Hub, Database]]:
    """Open a hub whose database's clock is shadowed, with days in the settings' time zone."""
    await build_days(settings)
    async with (
        Database(settings) as database,
        Hub(Repository(database, settings), settings, Metrics()) as hub,
    ):
        yield hub, database
