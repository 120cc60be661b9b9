"""What a read costs does not grow with the history: the plans PostgreSQL makes for it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.data.database import Database
from app.data.reads import fitted_reads
from app.models import Period
from tests.world import execute, fetch

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


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


async def touched(database: Database, period: Period, name: str, **arguments: Any) -> int:
    """Return how many rows of its rollup a read looks at."""
    async with database.connection() as connection:
        statement = getattr(await fitted_reads(period, connection), name)
        names = [name for name in inspect.signature(statement).parameters if name != "self"]
        arguments |= {"zone": "UTC", "grace": timedelta(seconds=2)}
        said = await connection.fetchval(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + statement.sql, *(arguments[name] for name in names)
        )
    [explained] = json.loads(said)
    count = 0
    for node in nodes(explained["Plan"]):
        if node.get("Relation Name") == f"kpi_rollup_{period}":
            removed = node.get("Rows Removed by Filter", 0)
            count += round((node["Actual Rows"] + removed) * node["Actual Loops"])
    return count


@pytest.mark.parametrize("log", [30, 20_000])
@pytest.mark.parametrize(("kpis", "minutes"), [(30, 5_000), (2_000, 60)])
async def test_reads_look_at_little_more_than_they_return(
    kpis: int, minutes: int, log: int, database: Database
) -> None:
    await execute(database, HISTORY.format(minutes=minutes, kpis=kpis))
    for period in ("hour", "day"):
        await execute(database, COARSE.format(period=period))
    await execute(database, LOG.format(kpis=kpis, log=log))
    await execute(database, "ANALYZE")
    [[now]] = await fetch(database, "SELECT extract(epoch FROM now())::bigint")
    codes = [f"k{number}" for number in range(1, kpis + 1)]
    for period, width in WIDTH.items():
        after = now - 3 * width
        newest = await touched(database, period, "new_buckets", codes=codes, after=after)
        assert newest <= 6 * kpis, period
        window = await touched(database, period, "window", codes=codes[:1], depth=20)
        assert window <= 22 * 30, period
        first = now - 5 * width
        since = await touched(
            database, period, "since", codes=codes[:3], firsts=[first] * 3, earliest=first
        )
        assert since <= 6 * 30, period


async def test_the_newest_minutes_do_not_grow_with_the_history(database: Database) -> None:
    codes = [f"k{number}" for number in range(1, 31)]
    costs = []
    for _ in range(2):
        await execute(database, HISTORY.format(minutes=3_000, kpis=30))
        await execute(database, "ANALYZE kpi_rollup_minute")
        [[now]] = await fetch(database, "SELECT extract(epoch FROM now())::bigint")
        costs.append(
            await touched(database, Period.MINUTE, "new_buckets", codes=codes, after=now - 180)
        )
        await execute(
            database, "UPDATE kpi_rollup_minute SET bucket = bucket - INTERVAL '3000 min'"
        )
    assert costs[1] <= costs[0]
