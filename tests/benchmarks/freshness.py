"""Freshness: from a bucket's end to the last of very many listeners, in real minutes."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from dataclasses import dataclass

from tests.benchmarks.contenders import get
from tests.benchmarks.figures import percentile
from tests.benchmarks.generator import generator
from tests.benchmarks.stage import Stage, codes, gateway

MINUTE_SECONDS = 60.0
ROWS_NOW = "INSERT INTO kpi_raw_data SELECT now(), code, random() FROM unnest($1::text[]) AS code"


@dataclass(frozen=True)
class Freshness:
    """Seconds from the end of each bucket to each listener, all minutes together."""

    listeners: int
    minutes: int
    grace_seconds: float
    p50: float
    p99: float
    last: float


def until_mid_minute(grace_seconds: float) -> float:
    past = time.time() % MINUTE_SECONDS
    earliest, latest = grace_seconds + 3.0, MINUTE_SECONDS - 5.0
    if earliest < past < latest:
        return 0.0
    return (earliest - past) % MINUTE_SECONDS


async def freshness(
    stage: Stage, database: str, *, listeners: int, minutes: int, grace_seconds: float = 2.0
) -> Freshness:
    delays: list[float] = []
    with ExitStack() as stack:
        server = stack.enter_context(gateway(stage.url(database), grace_seconds=str(grace_seconds)))
        crowd = stack.enter_context(generator())
        request = get("/kpi/kpi_00000/stream?period=minute")
        crowd.open(server.port, [request] * listeners, b"\nid: ")
        for _ in range(minutes):
            # A moment when the bucket before has been sent and this one is not over.
            await asyncio.sleep(until_mid_minute(grace_seconds))
            await stage.execute(database, ROWS_NOW, codes(1))
            end = (time.time() // MINUTE_SECONDS + 1) * MINUTE_SECONDS
            crowd.begin_collecting(listeners, 2 * MINUTE_SECONDS)
            arrivals = crowd.arrivals()
            wall = time.time() - time.perf_counter()
            delays += [at + wall - end for at in arrivals.at]
    delays.sort()
    return Freshness(
        listeners,
        minutes,
        grace_seconds,
        percentile(delays, 0.5),
        percentile(delays, 0.99),
        delays[-1],
    )
