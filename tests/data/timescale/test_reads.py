"""What is read from continuous aggregates does not grow with their history."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.data.database import Database
from app.data.reads import fitted_reads
from app.models import Period
from app.settings import Settings
from tests.backends import settle
from tests.world import execute

WIDTH = {Period.MINUTE: 60, Period.HOUR: 3600, Period.DAY: 86400}
CODES = ["a", "b", "c"]


def scanned(node: dict[str, Any]) -> Iterator[int]:
    """Yield how many rows each scan of a plan has read."""
    if "Relation Name" in node:
        rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        yield round(rows * node["Actual Loops"])
    for child in node.get("Plans", []):
        yield from scanned(child)


@pytest.mark.parametrize("backend", ["timescale"], indirect=True)
async def test_reading_the_newest_does_not_read_the_rest(
    database: Database, settings: Settings
) -> None:
    await execute(
        database,
        """
        INSERT INTO kpi_raw_data
        SELECT now() - g * INTERVAL '10 minutes', code, 1
        FROM generate_series(0, 60 * 144) AS g, unnest($1::text[]) AS code
        """,
        CODES,
    )
    await settle(database, settings)
    now = int(time.time())
    for period, width in WIDTH.items():
        first = now - now % width - 3 * width
        clock = [timedelta(seconds=2), "UTC"]
        asked: dict[str, list[Any]] = {
            "new_buckets": [*clock, first, CODES],
            "window": [*clock, 3, CODES],
            "since": [*clock, CODES, [first] * len(CODES), first],
            "differing": [CODES, " ".join("0" for _ in CODES), first, now],
        }
        async with database.connection() as connection:
            reads = await fitted_reads(period, connection)
            for name, arguments in asked.items():
                sql = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {getattr(reads, name).sql}"
                [plan] = json.loads(await connection.fetchval(sql, *arguments))
                # An open day is summed up from its minutes, of which there are up to 144 here.
                assert sum(scanned(plan["Plan"])) < 5 * 144 * len(CODES), (period, name)
