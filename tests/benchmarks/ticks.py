"""Ticks with little and with much history behind them."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass

from tests.benchmarks import machine
from tests.benchmarks.processes import ROOT
from tests.benchmarks.stage import Stage
from tests.benchmarks.tick import FIRST_TICK, Pieces, middle
from tests.world import SHADOW

FILL_SECONDS = 400.0
RUN_SECONDS = 240.0

# Straight into the rollup, as the refresh would have left it: how the rows came is not measured
# here, and millions of raw rows more would not change what a tick reads.
FILL = """
SET maintenance_work_mem = '512MB';
ALTER TABLE kpi_rollup_minute DROP CONSTRAINT kpi_rollup_minute_pkey;
DROP INDEX kpi_rollup_minute_bucket;
INSERT INTO kpi_rollup_minute
SELECT 'kpi_' || lpad(kpi::text, 5, '0'), to_timestamp(minute), value, 60, value - 1, value + 1,
    value::numeric * 60
FROM generate_series({first}, {until} - 60, 60) AS minute, generate_series(0, {kpis} - 1) AS kpi,
    LATERAL (SELECT 100.0::double precision * random() AS value) AS v;
ALTER TABLE kpi_rollup_minute ADD PRIMARY KEY (kpi_code, bucket);
CREATE INDEX kpi_rollup_minute_bucket ON kpi_rollup_minute (bucket);
VACUUM ANALYZE kpi_rollup_minute;
"""


@dataclass(frozen=True)
class Case:
    """One tick, and one look for corrections, of so many KPIs with so many minutes behind."""

    kpis: int
    minutes: int
    rows: int
    events: int
    tick: Pieces
    compare: Pieces


async def tick_case(stage: Stage, *, kpis: int, minutes: int, ticks: int) -> Case:
    name = f"tick_{kpis}_{minutes}"
    url = await stage.create(name)
    until = FIRST_TICK + 60 * (ticks + 2)
    fill = FILL.format(first=FIRST_TICK - 60 * minutes, until=until, kpis=kpis)
    for statement in fill.split(";\n"):
        if statement.strip():
            await stage.execute(name, statement, timeout=FILL_SECONDS)
    await stage.execute(name, SHADOW)
    # Not on the database's core, which would be measured as well: there is no load generator here.
    with machine.on_core(machine.LOAD_CORE):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.benchmarks.tick", url, *map(str, (kpis, minutes, ticks)),
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), RUN_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"the tick of {kpis} KPIs failed")
    figures = json.loads(output)
    await stage.drop(name)
    return Case(
        kpis,
        minutes,
        kpis * minutes,
        figures["events"],
        middle([Pieces(**piece) for piece in figures["ticks"]]),
        middle([Pieces(**piece) for piece in figures["compares"]]),
    )
