"""What is read from continuous aggregates does not grow with their history."""

from __future__ import annotations

import time

import pytest

from app.data.database import Database
from app.data.repository import Repository
from app.models import Period
from app.settings import Settings
from tests.backends import settle
from tests.data.plans import plans_of, scanned
from tests.world import execute

CODES = ["a", "b", "c"]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["timescale"], indirect=True)
async def test_reading_the_newest_does_not_read_the_rest(
    database: Database,
    settings: Settings,
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
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
    for period in Period:
        grid = repository.grids[period]
        first = grid.shift(grid.start(grid.index(now)), -3)
        readings = {
            "new buckets": repository.new_buckets(period, CODES, first),
            "window": repository.window(period, CODES, 3),
            "since": repository.since(period, dict.fromkeys(CODES, first)),
            "differing": repository.differing(period, dict.fromkeys(CODES, 0), first, now),
            "open buckets": repository.open_buckets(period, CODES),
        }
        for name, reading in readings.items():
            [plan] = await plans_of(reading, monkeypatch)
            # An open day is summed up from its minutes, of which there are up to 144 here.
            assert scanned(plan) < 5 * 144 * len(CODES), (period, name)
