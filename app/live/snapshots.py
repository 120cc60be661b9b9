"""Snapshots for REST: from memory while a channel is live, else from the database."""

from __future__ import annotations

from ..data.repository import Repository
from ..grid import Grid
from ..models import Bucket, Channel
from ..settings import Settings
from . import cursor, events
from .broadcaster import Broadcaster
from .events import Encoded, Health
from .hub import Hub, widths
from .series import Series
from .single_flight import SingleFlight

MAX_HISTORY = 1440
"""The longest history a snapshot can have, in buckets: a day of minutes."""


class Snapshots:
    """Answers what a channel looks like now, as JSON."""

    def __init__(self, hub: Hub, repository: Repository, settings: Settings) -> None:
        self._hub = hub
        self._repository = repository
        self._settings = settings
        self._flight: SingleFlight[tuple[Channel, int], Encoded] = SingleFlight()

    async def get(self, channel: Channel, history: int) -> Encoded:
        """Return the snapshot with up to `history` buckets; raises DatabaseUnavailableError."""
        broadcaster = self._hub.live(channel)
        if broadcaster is not None and history <= len(broadcaster.series):
            return broadcaster.snapshot(history)
        return await self._flight.do((channel, history), lambda: self._read(channel, history))

    async def _read(self, channel: Channel, history: int) -> Encoded:
        grid = self._hub.grid(channel.period)
        depth, width = widths(self._settings, channel.period)
        depth = max(depth, history)
        reading = await self._repository.window(channel.period, [channel.code], depth)
        rows = [bucket for _, bucket in reading.rows]
        # Somebody may have begun to listen meanwhile; what was published to them stands.
        broadcaster = self._hub.live(channel)
        if broadcaster is not None:
            return self._published(broadcaster, rows, history)
        series = Series(channel, grid, rows, reading.complete_until, depth=depth, width=width)
        silence = series.silence()
        health = Health("stale", *silence) if silence else Health("live", None, None)
        return _encode(channel, grid, list(series), history, health, series)

    def _published(self, broadcaster: Broadcaster, rows: list[Bucket], history: int) -> Encoded:
        series, grid = broadcaster.series, broadcaster.grid
        known = {row.start: row for row in rows}
        starts = map(grid.start, range(series.last - history + 1, series.first))
        older = [known.get(start) or Bucket.gap(start) for start in starts]
        buckets = older + list(series)
        return _encode(broadcaster.channel, grid, buckets, history, broadcaster.health, series)


def _encode(
    channel: Channel,
    grid: Grid,
    buckets: list[Bucket],
    history: int,
    health: Health,
    series: Series,
) -> Encoded:
    token = series.token(cursor.words_for(1))
    snapshot = events.snapshot_json(
        channel, grid, buckets, history=history, health=health, cursor=cursor.join([token])
    )
    return events.encode(snapshot)
