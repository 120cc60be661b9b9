"""A client like a browser's: it reconnects to any gateway with its cursor, and keeps account."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

import h11

from app.grid import Grid
from app.models import Channel
from tests.sse_reader import Event
from tests.stream_client import open_stream
from tests.world import Numbers, at, numbers

PATIENCE_SECONDS = 40.0


class Listener:
    """Listens until closed; whatever the contract forbids is written down in `wrongs`.

    It begins at the port numbered `first`, and goes to any when a stream ends.
    """

    def __init__(
        self, ports: Sequence[int], channels: Sequence[Channel], grid: Grid, *, first: int = 0
    ) -> None:
        self.views: dict[Channel, dict[int, Numbers]] = {}
        self.wrongs: list[str] = []
        self.events: list[Event] = []
        self.states: dict[Channel, str] = {}
        self.connections = 0
        self._ports = list(ports)
        self._port = self._ports[first % len(self._ports)]
        self._query = "&".join(f"channel={channel}" for channel in channels)
        self._grid = grid
        self._cursor = ""
        self._progress = asyncio.Condition()

    async def run(self) -> None:
        while True:
            headers = {"Last-Event-ID": self._cursor} if self._cursor else {}
            try:
                async with open_stream(self._port, f"/stream?{self._query}", headers) as stream:
                    self.connections += 1
                    while True:
                        event = await stream.event()
                        self._cursor = event.last_event_id or self._cursor
                        self._take(event)
                        async with self._progress:
                            self._progress.notify_all()
            except (OSError, EOFError, AssertionError, TimeoutError, h11.RemoteProtocolError):
                self._port = random.choice(self._ports)
                await asyncio.sleep(random.uniform(0.05, 0.2))

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), self._progress:
            await self._progress.wait_for(holds)

    def _take(self, event: Event) -> None:
        if event.event == "ping":
            return
        self.events.append(event)
        data = event.json()
        channel = Channel.parse(f"{data['kpi']}:{data['period']}")
        view = self.views.setdefault(channel, {})
        if event.event == "status":
            self.states[channel] = data["state"]
        elif event.event == "snapshot":
            self.states[channel] = data["state"]["state"]
            told = {at(b["bucket"]): numbers(b) for b in data["history"]}
            if view and told.items() <= view.items():
                self.wrongs.append(f"a second snapshot of {channel} that repairs nothing")
            view.update(told)
        elif event.event == "reset":
            self.wrongs.append(f"a reset of {channel}: {data['reason']}")
        else:
            self._take_bucket(event.event, channel, view, at(data["bucket"]), numbers(data))

    def _take_bucket(
        self, name: str, channel: Channel, view: dict[int, Numbers], start: int, said: Numbers
    ) -> None:
        if name == "correction":
            if view.get(start) == said:
                self.wrongs.append(f"a correction of {channel} that corrects nothing")
        elif view and start != self._grid.next(max(view)):
            self.wrongs.append(f"{name} of {channel} at {start} after {max(view)}")
        view[start] = said
