"""What a read costs does not grow with the history: the plans PostgreSQL makes for it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest

from app.data.database import Database
from app.data.repository import Repository
from app.models import Period
from tests.data.plans import plans_of, scanned
from tests.world import execute, fetch

pytestmark = pytest.mark.slow

HISTORY = """
INSERT INTO kpi_rollup_minute
SELECT 'k' || k, kpi_minute(now()) - m * INTERVAL '1 minute', 1, 1, 1, 1, 1
FROM generate_series(1, {minutes}) AS m, generate_series(1, {kpis}) AS k
"""

COARSE = """
INSERT INTO kpi_rollup_{period}
SELECT kpi_code, kpi_{period}(bucket), 1, count(*), 1, 1, 1 FROM kpi_rollup_minute GROUP BY 1, 2
"""

# The log is long while a large import goes on, else short.
LOG = """
INSERT INTO kpi_dirty
SELECT 'k' || n % {kpis}, kpi_minute(now()) - n * INTERVAL '1 second'
FROM generate_series(1, {log}) AS n
"""

WIDTH = {Period.MINUTE: 60, Period.HOUR: 3600, Period.DAY: 86_400}


@pytest.mark.parametrize("log", [30, 20_000])
@pytest.mark.parametrize(("kpis", "minutes"), [(30, 5_000), (2_000, 60)])
async def test_reads_look_at_little_more_than_they_return(
    kpis: int,
    minutes: int,
    log: int,
    database: Database,
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await execute(database, HISTORY.format(minutes=minutes, kpis=kpis))
    for period in ("hour", "day"):
        await execute(database, COARSE.format(period=period))
    await execute(database, LOG.format(kpis=kpis, log=log))
    await execute(database, "ANALYZE")
    [[now]] = await fetch(database, "SELECT extract(epoch FROM now())::bigint")
    codes = [f"k{number}" for number in range(1, kpis + 1)]
    grids = repository.grids

    async def looked_at(period: Period, reading: Awaitable[Any]) -> int:
        [plan] = await plans_of(reading, monkeypatch)
        return scanned(plan, f"kpi_rollup_{period}")

    for period, width in WIDTH.items():
        grid = grids[period]
        after, first = (grid.start(grid.index(now - by * width)) for by in (3, 5))
        newest = await looked_at(period, repository.new_buckets(period, codes, after))
        assert newest <= 6 * kpis, period
        window = await looked_at(period, repository.window(period, codes[:1], 20))
        assert window <= 22 * 30, period
        firsts = dict.fromkeys(codes[:3], first)
        since = await looked_at(period, repository.since(period, firsts))
        assert since <= 6 * 30, period


async def test_the_newest_minutes_do_not_grow_with_the_history(
    database: Database, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [f"k{number}" for number in range(1, 31)]
    costs = []
    for _ in range(2):
        await execute(database, HISTORY.format(minutes=3_000, kpis=30))
        await execute(database, "ANALYZE kpi_rollup_minute")
        [[now]] = await fetch(database, "SELECT extract(epoch FROM now())::bigint")
        reading = repository.new_buckets(Period.MINUTE, codes, now // 60 * 60 - 180)
        [plan] = await plans_of(reading, monkeypatch)
        costs.append(scanned(plan, "kpi_rollup_minute"))
        await execute(
            database, "UPDATE kpi_rollup_minute SET bucket = bucket - INTERVAL '3000 min'"
        )
    assert costs[1] <= costs[0]
