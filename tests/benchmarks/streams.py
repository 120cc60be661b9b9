"""What long-lived streams cost: an hour's pings, and readers that take nothing."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from tests.benchmarks.contenders import get
from tests.benchmarks.figures import median, percentile
from tests.benchmarks.generator import Generator, generator
from tests.benchmarks.stage import Stage, codes, gateway

HOUR_OF_PINGS = 240
PINGS_SECONDS = 70.0
BURST_SECONDS = 40.0

# As many corrections as the window has minutes, so that the buffers of who does not read are full.
MANY_LATE_ROWS = """
INSERT INTO kpi_raw_data
SELECT minute + INTERVAL '2 seconds', code, 100 * random()
FROM unnest($1::text[]) AS code,
    generate_series(
        date_trunc('minute', now()) - INTERVAL '100 minutes',
        date_trunc('minute', now()) - INTERVAL '5 minutes', INTERVAL '1 minute'
    ) AS minute
"""
ONE_LATE_ROW = """
INSERT INTO kpi_raw_data
SELECT date_trunc('minute', now()) - INTERVAL '20 minutes', code, 100 * random()
FROM unnest($1::text[]) AS code
"""


@dataclass(frozen=True)
class Pings:
    """Memory of a stream, in bytes, before and after so many pings."""

    listeners: int
    fresh_bytes: float
    pings: float
    after_bytes: float


def pings(stage: Stage, database: str, *, listeners: int) -> Pings:
    """Play an hour's pings in a minute."""
    with ExitStack() as stack:
        server = stack.enter_context(gateway(stage.url(database), heartbeat_seconds="0.05"))
        crowd = stack.enter_context(generator())
        request = get("/kpi/kpi_00000/stream?period=hour")
        crowd.open(server.port, [request] * 64, b"\nid: ", until_quiet=False)
        crowd.close()
        time.sleep(0.5)
        before = server.memory_bytes()
        crowd.open(server.port, [request] * listeners, b"\nid: ", until_quiet=False)
        fresh = server.memory_bytes() - before
        heard, deadline = 0, time.monotonic() + PINGS_SECONDS
        while heard < HOUR_OF_PINGS * listeners and time.monotonic() < deadline:
            heard += crowd.listen(5.0)
        after = server.memory_bytes() - before
    return Pings(listeners, fresh / listeners, heard / listeners, after / listeners)


@dataclass(frozen=True)
class Stalled:
    """The others' p99 in seconds while `stalled` of the listeners read, and while they do not."""

    listeners: int
    stalled: int
    p99_before: float
    p99_while: float
    grown_bytes: int


async def stalled(
    stage: Stage, database: str, *, listeners: int, stalled: int, rounds: int
) -> Stalled:
    """Let some of the listeners read no more, fill what buffers them, and measure the others."""
    with ExitStack() as stack:
        server = stack.enter_context(gateway(stage.url(database), send_timeout_seconds="600"))
        crowd = stack.enter_context(generator())
        request = get("/kpi/kpi_00000/stream?period=minute&history=1")
        crowd.open(server.port, [request] * listeners, b"\nid: ", small=stalled)
        burst = partial(_burst, stage, database, crowd, listeners - stalled, stalled)
        # The same has come before all bursts that are compared.
        await burst(MANY_LATE_ROWS)
        before = [await burst() for _ in range(rounds)]
        memory = server.memory_bytes()
        crowd.stall(stalled)
        for _ in range(3):
            await burst(MANY_LATE_ROWS)
        during = [await burst() for _ in range(rounds)]
        grown = server.memory_bytes() - memory
    return Stalled(listeners, stalled, median(before), median(during), grown)


async def _burst(
    stage: Stage,
    database: str,
    crowd: Generator,
    listeners: int,
    besides: int,
    rows: str = ONE_LATE_ROW,
) -> float:
    crowd.begin_collecting(listeners, BURST_SECONDS, besides=besides)
    await stage.execute(database, rows, codes(1))
    at = crowd.arrivals().at
    return percentile(at, 0.99) - at[0]
