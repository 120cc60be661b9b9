"""What listeners and KPIs cost the database in a minute."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass

from tests.benchmarks import machine
from tests.benchmarks.contenders import get
from tests.benchmarks.generator import generator
from tests.benchmarks.stage import Stage, codes, gateway

CHANNELS_A_STREAM = 250
MINUTE_SECONDS = 60.0

# How often buckets were read, apart for those newly complete and for corrections; then all calls,
# those included that keep the rollups clean whoever listens.
CALLS = """
SELECT
    coalesce(sum(calls) FILTER (WHERE query LIKE '%kpi_values_%' AND query NOT LIKE '%sums%'), 0),
    coalesce(sum(calls) FILTER (WHERE query LIKE '%kpi_values_%' AND query LIKE '%sums%'), 0),
    coalesce(sum(calls), 0)
FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
WHERE datname = $1
"""

# Rows for each second of the minute to come would be another benchmark: one a KPI is enough for a
# value event each.
ROWS = """
INSERT INTO kpi_raw_data
SELECT now() + number * INTERVAL '1 minute', code, random()
FROM unnest($1::text[]) AS code, generate_series(-5, 2) AS number
"""


@dataclass(frozen=True)
class Load:
    """The statements and the CPU seconds that one gateway cost its database in a minute."""

    listeners: int
    kpis: int
    ticks: int
    compares: int
    calls: int
    cpu_seconds: float


async def database_load(stage: Stage, cases: list[tuple[int, int]]) -> list[Load]:
    """Measure all cases of (listeners, KPIs) at once, each with a gateway and database of its own.

    A case of fewer listeners than KPIs has its KPIs on streams of many channels.
    """
    names = [f"load_{listeners}_{kpis}" for listeners, kpis in cases]
    with ExitStack() as stack:
        for name, (listeners, kpis) in zip(names, cases, strict=True):
            await stage.create(name)
            await stage.execute(name, ROWS, codes(kpis))
            server = stack.enter_context(gateway(stage.url(name)))
            if listeners:
                crowd = stack.enter_context(generator())
                crowd.open(server.port, _requests(listeners, kpis), b"\nid: ")
        await asyncio.sleep(5.0)
        before = [await _used(stage, name) for name in names]
        await asyncio.sleep(MINUTE_SECONDS)
        after = [await _used(stage, name) for name in names]
    return [
        Load(
            listeners,
            kpis,
            now[0] - was[0],
            now[1] - was[1],
            now[2] - was[2],
            now[3] - was[3],
        )
        for (listeners, kpis), was, now in zip(cases, before, after, strict=True)
    ]


async def _used(stage: Stage, name: str) -> tuple[int, int, int, float]:
    cpu = machine.cpu_seconds(await stage.processes(name))
    [row] = await stage.fetch("postgres", CALLS, name)
    return int(row[0]), int(row[1]), int(row[2]), cpu


def _requests(listeners: int, kpis: int) -> list[bytes]:
    if listeners >= kpis:
        return [
            get(f"/kpi/{code}/stream?period=minute&history=1")
            for code in (codes(kpis) * (listeners // kpis))
        ]
    named = codes(kpis)
    return [
        get(
            "/stream?history=1&"
            + "&".join(f"channel={code}:minute" for code in named[at : at + CHANNELS_A_STREAM])
        )
        for at in range(0, kpis, CHANNELS_A_STREAM)
    ]
