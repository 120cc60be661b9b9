"""What is counted, and how one page shows it for all processes behind a port.

Counting is adding to a plain int. A process shows its numbers to the others in memory that they
share, once a second and whenever it is asked itself.
"""

from __future__ import annotations

import asyncio
import mmap
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

REPORT_SECONDS = 1.0

COUNTERS = {
    "streams_opened": "Streams opened",
    "slow_readers_closed": "Streams closed because their reader took too little",
    "streams_expired": "Streams ended at their full age",
    "streams_ended": "Streams ended because their listener may no longer see what is on them",
    "cursors_refused": "Cursors that nothing could be resumed from",
    "bursts_delivered": "Bursts of events written, one a stream",
    "database_failures": "Turns of polling that found no database",
    "connections_opened": "Connections accepted",
    "connections_closed": "Connections closed; what was opened and not closed is open now",
    "connections_refused": "Connections closed at once because KPI_MAX_CONNECTIONS were open",
    "connections_displaced": "Idle connections closed to make room for new ones",
    "connections_timed_out": "Connections closed because a request's head took too long",
    "connections_failed": "Connections closed because their protocol was broken",
    "streams_refused": "Streams refused because as many were open as the settings allow",
    "requests_limited": "Requests refused because more came from one address or subject",
    "requests_refused": "Requests refused for the size of their head",
    "messages_received": "Messages of the publisher received",
    "messages_missed": "Messages found to be lost, and made up for from the database",
    "messaging_failures": "Times the connection to Redis broke or could not be made",
}
GAUGES = {
    "processes": "Processes behind the port",
    "processes_listening": "Processes to which the publisher's messages flow",
    "streams_open": "Streams open now",
    "channels_live": "Channels that somebody listens to, added up over the processes",
}
_GONE_SECONDS = 5 * REPORT_SECONDS
"""What a process that has shown nothing for so long says to be open is not: it has died."""

_COUNTERS_END = len(COUNTERS)
_GAUGES_END = _COUNTERS_END + len(GAUGES)
_ROW = _GAUGES_END + 1
"""After the gauges comes when they were written, by the clock that all processes share."""


@dataclass(slots=True)
class Metrics:
    """Counts since the process started; COUNTERS says of what."""

    streams_opened: int = 0
    slow_readers_closed: int = 0
    streams_expired: int = 0
    streams_ended: int = 0
    cursors_refused: int = 0
    bursts_delivered: int = 0
    database_failures: int = 0
    connections_opened: int = 0
    connections_closed: int = 0
    connections_refused: int = 0
    connections_displaced: int = 0
    connections_timed_out: int = 0
    connections_failed: int = 0
    streams_refused: int = 0
    requests_limited: int = 0
    requests_refused: int = 0
    messages_received: int = 0
    messages_missed: int = 0
    messaging_failures: int = 0


class Board:
    """A row of numbers for each process; made before the processes are forked.

    Each writes its own row and reads all.
    """

    def __init__(self, processes: int = 1) -> None:
        self._processes = processes
        self._numbers = memoryview(mmap.mmap(-1, processes * _ROW * 8)).cast("d")

    def row(self, process: int) -> memoryview[float]:
        """Return one process's numbers: COUNTERS, GAUGES, and when they were written."""
        return self._numbers[process * _ROW : (process + 1) * _ROW]

    def page(self) -> bytes:
        """Return the sums over all processes as a page for Prometheus."""
        registry = CollectorRegistry()
        registry.register(_Sums(self))
        return generate_latest(registry)

    def sums(self) -> dict[str, float]:
        """Return the sum of each count, and of what is open in the processes that live."""
        rows = [self.row(process) for process in range(self._processes)]
        since = time.monotonic() - _GONE_SECONDS
        living = [row for row in rows if row[_GAUGES_END] >= since]
        sums = {name: sum(row[at] for row in rows) for at, name in enumerate(COUNTERS)}
        for at, name in enumerate(GAUGES, start=_COUNTERS_END):
            sums[name] = sum(row[at] for row in living)
        return sums


class _Sums(Collector):
    def __init__(self, board: Board) -> None:
        self._board = board

    def collect(self) -> Iterator[Metric]:
        sums = self._board.sums()
        for name, help_text in COUNTERS.items():
            yield CounterMetricFamily(f"kpi_stream_{name}", help_text, value=sums[name])
        for name, help_text in GAUGES.items():
            yield GaugeMetricFamily(f"kpi_stream_{name}", help_text, value=sums[name])


class Report:
    """Keeps one process's row of the board up to date while it is open.

    Counts go on from where the process before in this place left them, so that they never fall.
    """

    def __init__(
        self,
        board: Board,
        process: int,
        metrics: Metrics,
        gauges: Callable[[], Mapping[str, float]],
    ) -> None:
        self._board = board
        self._row = board.row(process)
        self._metrics = metrics
        self._gauges = gauges
        self._before = [self._row[at] for at in range(_COUNTERS_END)]
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="report")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self.write()
        self._row[_GAUGES_END] = 0.0

    def page(self) -> bytes:
        """Return the page for Prometheus, this process's part as of now."""
        self.write()
        return self._board.page()

    def write(self) -> None:
        """Show the numbers of now."""
        for at, name in enumerate(COUNTERS):
            self._row[at] = self._before[at] + getattr(self._metrics, name)
        gauges = self._gauges()
        for at, name in enumerate(GAUGES, start=_COUNTERS_END):
            self._row[at] = gauges[name]
        self._row[_GAUGES_END] = time.monotonic()

    async def _run(self) -> None:
        while True:
            self.write()
            await asyncio.sleep(REPORT_SECONDS)
