"""`python -m tests.benchmarks [--quick] [--only PHASE]`: measure, print, write the documents."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.benchmarks import machine, tables
from tests.benchmarks.accepts import accepts
from tests.benchmarks.contenders import LIMIT, OURS, QUART, Contender, contenders
from tests.benchmarks.database import database_load
from tests.benchmarks.document import write
from tests.benchmarks.fanout import FanOut, fan_out
from tests.benchmarks.freshness import freshness
from tests.benchmarks.head_start import head_start
from tests.benchmarks.report import Report
from tests.benchmarks.snapshots import snapshots
from tests.benchmarks.stage import Stage, codes, open_stage
from tests.benchmarks.streams import pings, stalled
from tests.benchmarks.ticks import tick_case

DATABASE = "bench"
HOURS_BEHIND = timedelta(hours=62)
MOST_SECONDS = 1500.0


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    name: str
    listeners: tuple[int, ...]
    many_channels: int
    rounds: int
    bursts: int
    streams_opened: int
    request_seconds: float
    database_cases: tuple[tuple[int, int], ...]
    tick_cases: tuple[tuple[int, int], ...]
    minutes: int


FULL = Scale(
    name="full",
    listeners=(1_000, 10_000),
    many_channels=50,
    rounds=5,
    bursts=11,
    streams_opened=3_000,
    request_seconds=2.0,
    database_cases=((0, 1), (1, 1), (100, 1), (10_000, 1), (1, 100), (40, 10_000)),
    tick_cases=((30, 1_440), (30, 525_600), (10_000, 60), (10_000, 1_440)),
    minutes=3,
)
QUICK = Scale(
    name="quick",
    listeners=(1_000,),
    many_channels=0,
    rounds=3,
    bursts=3,
    streams_opened=500,
    request_seconds=1.0,
    database_cases=(),
    tick_cases=((30, 1_440), (10_000, 60)),
    minutes=0,
)


class Run:
    """The phases, in order, on one stage."""

    def __init__(self, stage: Stage, scale: Scale, report: Report) -> None:
        self._stage = stage
        self._scale = scale
        self._report = report
        self._contenders, self._missing = contenders(stage, DATABASE)
        self.largest: list[FanOut] = []

    def phases(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "fanout": self._fan_out,
            "channels": self._many_channels,
            "pings": self._pings,
            "stalled": self._stalled,
            "accepts": self._accepts,
            "snapshots": self._snapshots,
            "database": self._database,
            "ticks": self._ticks,
            "freshness": self._freshness,
        }

    async def _fan_out(self) -> None:
        for listeners in self._scale.listeners:
            results = await self._burst(self._contenders, listeners, channels=1)
            tables.fan_out(self._report, results, self._missing)
            self.largest = results

    async def _many_channels(self) -> None:
        if self._scale.many_channels:
            few = [one for one in self._contenders if one.name in (LIMIT, OURS, QUART)]
            channels = self._scale.many_channels
            results = await self._burst(few, max(self._scale.listeners), channels)
            tables.fan_out(self._report, results, {})

    async def _burst(self, who: Sequence[Contender], listeners: int, channels: int) -> list[FanOut]:
        bursts = self._scale.bursts
        results = await fan_out(who, listeners=listeners, channels=channels, rounds=bursts)
        for result in results:
            if result.name == OURS:
                result.head_start = head_start(
                    self._stage, DATABASE, listeners=listeners, rounds=self._scale.rounds
                )
        return results

    async def _pings(self) -> None:
        result = pings(self._stage, DATABASE, listeners=max(self._scale.listeners))
        tables.pings(self._report, result)

    async def _stalled(self) -> None:
        if self._scale is QUICK:
            return
        listeners = max(self._scale.listeners)
        result = await stalled(
            self._stage,
            DATABASE,
            listeners=listeners,
            stalled=listeners // 10,
            rounds=self._scale.rounds,
        )
        tables.stalled(self._report, result)

    async def _accepts(self) -> None:
        count, rounds = self._scale.streams_opened, self._scale.rounds
        rates = accepts(self._stage, DATABASE, streams=count, rounds=rounds)
        tables.accept_rates(self._report, rates)

    async def _snapshots(self) -> None:
        seconds, rounds = self._scale.request_seconds, self._scale.rounds
        rates = snapshots(self._stage, DATABASE, seconds=seconds, rounds=rounds)
        tables.snapshot_rates(self._report, rates)

    async def _database(self) -> None:
        if self._scale.database_cases:
            loads = await database_load(self._stage, list(self._scale.database_cases))
            tables.database_load(self._report, loads)

    async def _ticks(self) -> None:
        cases = [
            await tick_case(self._stage, kpis=kpis, minutes=minutes, ticks=self._scale.rounds)
            for kpis, minutes in self._scale.tick_cases
        ]
        tables.ticks(self._report, cases)

    async def _freshness(self) -> None:
        if self._scale.minutes:
            result = await freshness(
                self._stage, DATABASE, listeners=1_000, minutes=self._scale.minutes
            )
            tables.freshness(self._report, result)


async def main(scale: Scale, only: list[str]) -> int:
    machine.raise_file_limit()
    os.sched_setaffinity(0, {machine.LOAD_CORE})
    report = Report(machine.describe(), scale.name)
    began = time.monotonic()
    async with asyncio.timeout(MOST_SECONDS), open_stage() as stage:
        await stage.create(DATABASE)
        await stage.seed(DATABASE, codes(50), back=HOURS_BEHIND)
        run = Run(stage, scale, report)
        for name, phase in run.phases().items():
            if not only or name in only:
                print(f"{time.monotonic() - began:5.0f} s  {name}", file=sys.stderr)
                try:
                    await phase()
                except Exception as error:
                    traceback.print_exc()
                    report.failures.append(f"{name} ({error})")
    print(report.markdown())
    if scale is FULL and not only and run.largest:
        for path in write(report, run.largest, datetime.now(UTC)):
            print(f"written: {path}", file=sys.stderr)
    print(f"{time.monotonic() - began:5.0f} s  done", file=sys.stderr)
    return int(bool(report.failures))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a look, in three minutes")
    parser.add_argument("--only", action="append", default=[], help="measure this phase alone")
    options = parser.parse_args()
    sys.exit(asyncio.run(main(QUICK if options.quick else FULL, options.only)))
