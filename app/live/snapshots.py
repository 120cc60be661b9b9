"""Snapshots for REST: from memory while a channel is live, else from the database."""

from __future__ import annotations

from ..data.repository import Repository
from ..data.single_flight import SingleFlight
from ..errors import InvalidParameterError
from ..models import Bucket, Channel
from ..settings import Settings
from . import cursor, events
from .broadcaster import Broadcaster
from .events import Encoded, Json, View
from .health import LIVE, judge, lag
from .hub import Hub
from .partials import open_buckets
from .series import Extent, Series

MAX_HISTORY = 1440
"""The longest history a snapshot can have, in buckets: a day of minutes."""


class Snapshots:
    """Answers what a channel looks like now, as JSON."""

    def __init__(self, hub: Hub, repository: Repository, settings: Settings) -> None:
        self._hub = hub
        self._repository = repository
        self._settings = settings
        self._flight: SingleFlight[tuple[Channel, int], View] = SingleFlight()
        self._open_flight: SingleFlight[Channel, Json | None] = SingleFlight()
        self._past_flight: SingleFlight[tuple[Channel, int, int], View] = SingleFlight()

    async def get(self, channel: Channel, history: int, *, partial: bool = False) -> Encoded:
        """Return the snapshot with up to `history` buckets, with `partial` the open one as well.

        Raises DatabaseUnavailableError.
        """
        complete = await self._complete(channel, history)
        if not partial:
            return complete
        flight = self._open_flight
        return events.with_partial(complete, await flight.do(channel, lambda: self._open(channel)))

    async def _open(self, channel: Channel) -> Json | None:
        found = await open_buckets(self._repository, channel.period, [channel.code])
        return found[0][2] if found else None

    async def _complete(self, channel: Channel, history: int) -> Encoded:
        broadcaster = self._hub.live(channel)
        if broadcaster is not None and history <= len(broadcaster.series):
            return broadcaster.snapshot(history)
        extent = Extent.of(channel.period, self._settings.correction_window)
        # Two depths alone, so that asking for every history there is does not make a query each.
        depth = extent.depth if history <= extent.depth else max(extent.depth, MAX_HISTORY)
        view = await self._flight.do((channel, depth), lambda: self._read(channel, extent, depth))
        return events.snapshot(view, history)

    async def _read(self, channel: Channel, extent: Extent, depth: int) -> View:
        """Read the channel, unless somebody has begun to listen to it meanwhile."""
        grid = self._hub.grid(channel.period)
        reading = await self._repository.window(channel.period, [channel.code], depth)
        rows = [bucket for _, bucket in reading.rows]
        trouble = await self._hub.jobs.trouble()
        # What was published to listeners stands.
        broadcaster = self._hub.live(channel)
        if broadcaster is not None:
            return _published(broadcaster, rows, depth)
        whole = Extent(depth, extent.width)
        series = Series(channel, grid, rows, reading.complete_until, whole)
        trouble = trouble or lag(
            reading, grid, self._settings.grace_seconds, self._hub.jobs.delay_seconds
        )
        health = judge(series.newest(extent.depth), trouble)
        token = cursor.join([series.token()])
        target = reading.definitions.targets.get(channel.code)
        return View(channel, grid, series.newest(depth), health, token, target)

    async def before(self, channel: Channel, end: int, history: int) -> Encoded:
        """Return the snapshot of the `history` buckets before the one that starts at `end`.

        It ends where the complete buckets do, has no cursor, and is never stale: it is the past.
        Raises InvalidParameterError where no bucket starts at `end`, DatabaseUnavailableError.
        """
        grid = self._hub.grid(channel.period)
        if not grid.is_start(end):
            nearest = events.timestamp(grid.start(grid.index(end)))
            raise InvalidParameterError(
                f"end must be the start of a {channel.period} bucket, such as {nearest}"
            )
        view = await self._past_flight.do(
            (channel, end, history), lambda: self._read_before(channel, end, history)
        )
        return events.snapshot(view, history)

    async def _read_before(self, channel: Channel, end: int, history: int) -> View:
        grid = self._hub.grid(channel.period)
        depth = max(history, 2)
        reading = await self._repository.before(channel.period, channel.code, end, depth)
        until = grid.index(min(end, reading.complete_until))
        known = {bucket.start: bucket for _, bucket in reading.rows}
        starts = map(grid.start, range(grid.index(end) - depth, until))
        buckets = [known.get(start) or Bucket.gap(start) for start in starts]
        target = reading.definitions.targets.get(channel.code)
        return View(channel, grid, buckets, LIVE, "", target)


def _published(broadcaster: Broadcaster, rows: list[Bucket], depth: int) -> View:
    """Return what was published, with what was read from before it."""
    series, grid = broadcaster.series, broadcaster.grid
    known = {row.start: row for row in rows}
    starts = map(grid.start, range(series.last - depth + 1, series.first))
    older = [known.get(start) or Bucket.gap(start) for start in starts]
    return broadcaster.view(older + series.newest(len(series)))
