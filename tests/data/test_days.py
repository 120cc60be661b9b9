"""Days on plain PostgreSQL begin and end where the grid has them, in every time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.data.database import Database, load_queries
from app.grid import Grid
from app.models import Period
from tests.test_grid import BESIDE, ZONES, changes, offset

DAYS = """
SELECT
    extract(epoch FROM kpi_day(to_timestamp(i)))::bigint AS day,
    extract(epoch FROM kpi_day_after(kpi_day(to_timestamp(i))))::bigint AS after,
    (to_timestamp(i) AT TIME ZONE $1) - (to_timestamp(i) AT TIME ZONE 'UTC') AS ahead
FROM unnest($2::bigint[]) AS i
"""

TODAY = int(datetime(2024, 6, 1, 12, 34, 56, tzinfo=UTC).timestamp())


@pytest.mark.slow
async def test_days_are_the_grids_in_every_zone(database: Database) -> None:
    """Around every change of a clock; where midnight comes twice, from the first one on.

    Zones of which PostgreSQL has other rules are left out: each brings its own time zone data.
    """
    compared, twice = 0, set()
    async with database.connection() as connection:
        known = {row[0] for row in await connection.fetch("SELECT name FROM pg_timezone_names")}
        for name in sorted(known.intersection(ZONES)):
            zone = ZoneInfo(name)
            grid = Grid(Period.DAY, zone)
            at = [TODAY] + [change + beside for change in changes(zone) for beside in BESIDE]
            own = load_queries("postgres", {"{timezone}": f"'{name}'"})
            await own.create_functions(connection)
            rows = await connection.fetch(DAYS, name, at)
            if [offset(instant, zone) for instant in at] != [row["ahead"] for row in rows]:
                continue
            compared += 1
            for instant, row in zip(at, rows, strict=True):
                start = grid.start(grid.index(instant))
                assert (row["day"], row["after"]) == (start, grid.next(start)), (name, instant)
                if offset(start, zone) != offset(start + 3600, zone):
                    twice.add(name)
    assert compared > 400
    assert {"America/Havana", "Atlantic/Azores"} <= twice
