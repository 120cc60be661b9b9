"""The grid: without a hole, and the same as PostgreSQL's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.grid import Grid
from app.models import Period

# Since then, no zone has done what nobody could foresee: leave a day out, or begin one twice.
FIRST = int(datetime(2012, 1, 1, tzinfo=UTC).timestamp())
LAST = int(datetime(2037, 1, 1, tzinfo=UTC).timestamp())

ZONES = sorted(name for name in available_timezones() if "/" in name)

instants = st.integers(FIRST, LAST)
periods = st.sampled_from(Period)
zones = st.sampled_from([*ZONES, "UTC"])


@given(periods, zones, instants)
def test_every_instant_lies_in_one_bucket(period: Period, name: str, instant: int) -> None:
    grid = Grid(period, ZoneInfo(name))
    index = grid.index(instant)
    start = grid.start(index)
    assert start <= instant < grid.next(start)
    assert grid.next(start) == grid.start(index + 1)
    assert grid.index(start) == index
    assert grid.index(grid.next(start) - 1) == index
    assert grid.is_start(start)
    assert not grid.is_start(start + 1)


@given(periods, zones, instants, st.integers(-400, 400))
def test_shifting_counts_buckets(period: Period, name: str, instant: int, by: int) -> None:
    grid = Grid(period, ZoneInfo(name))
    start = grid.start(grid.index(instant))
    shifted = grid.shift(start, by)
    assert grid.index(shifted) - grid.index(start) == by
    assert grid.shift(shifted, -by) == start


def test_days_of_23_and_25_hours() -> None:
    grid = Grid(Period.DAY, ZoneInfo("Europe/Berlin"))
    for date, hours in (("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25)):
        start = int(datetime.fromisoformat(date).replace(tzinfo=grid.zone).timestamp())
        assert grid.is_start(start)
        assert grid.next(start) - start == hours * 3600


def test_its_name_tells_grids_apart() -> None:
    berlin, kolkata = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
    assert Grid(Period.HOUR, berlin).name == Grid(Period.HOUR, kolkata).name
    assert Grid(Period.DAY, berlin).name != Grid(Period.DAY, kolkata).name


AGREES = """
SELECT
    extract(epoch FROM {start})::bigint AS start,
    (to_timestamp(i) AT TIME ZONE $2) - (to_timestamp(i) AT TIME ZONE 'UTC') AS ahead
FROM unnest($3::bigint[]) AS i
"""

FIXED = "date_bin(make_interval(mins => $1), to_timestamp(i), '1970-01-01T00:00Z')"
CALENDAR = "date_trunc($1, to_timestamp(i), $2)"

WEEK = 7 * 86_400
BESIDE = (-86_400, -3601, -3600, -1800, -1, 0, 1, 1799, 1800, 3599, 3600, 7200, 86_400)


@pytest.mark.slow
@pytest.mark.parametrize("period", Period)
async def test_it_agrees_with_postgresql(period: Period, postgres_url: str) -> None:
    """At every change of every zone's clock, and at midnight, from a day before to a day after.

    Where midnight comes twice PostgreSQL means the second one; the day begins with the first.
    Zones of which it has other rules are left out: each brings its own time zone data.
    """
    connection = await asyncpg.connect(postgres_url)
    try:
        known = {row[0] for row in await connection.fetch("SELECT name FROM pg_timezone_names")}
        compared = 0
        agrees = AGREES.replace("{start}", CALENDAR if period.is_calendar else FIXED)
        for name in sorted(known.intersection(ZONES)) if period.is_calendar else ["UTC"]:
            zone = ZoneInfo(name)
            grid = Grid(period, zone)
            at = [
                instant + beside
                for instant in range(FIRST, LAST, 86_400 * 90)
                for beside in (0, grid.next(grid.start(grid.index(instant))) - instant)
            ]
            at += [change + beside for change in changes(zone) for beside in BESIDE]
            named = period.value if period.is_calendar else period.length
            rows = await connection.fetch(agrees, named, name, at)
            if [offset(instant, zone) for instant in at] != [row["ahead"] for row in rows]:
                continue
            compared += 1
            for instant, row in zip(at, rows, strict=True):
                start = grid.start(grid.index(instant))
                if row["start"] != start:
                    midnights = [datetime.fromtimestamp(m, zone) for m in (start, row["start"])]
                    assert start < row["start"], (name, instant)
                    assert [f"{midnight:%T}" for midnight in midnights] == ["00:00:00"] * 2, name
                    assert midnights[0].date() == midnights[1].date()
        assert compared > (400 if period.is_calendar else 0)
    finally:
        await connection.close()


def offset(instant: int, zone: ZoneInfo) -> timedelta | None:
    return datetime.fromtimestamp(instant, zone).utcoffset()


def changes(zone: ZoneInfo) -> list[int]:
    """Return when a zone's clock was changed, up to a year with the rules of today."""
    found = []
    # Clocks that are changed for Ramadan are changed back after four weeks, and none sooner.
    for first in range(FIRST, int(datetime(2028, 1, 1, tzinfo=UTC).timestamp()), WEEK):
        last = first + WEEK
        before, after = offset(first, zone), offset(last, zone)
        if before == after:
            continue
        while last - first > 1:
            middle = (first + last) // 2
            if offset(middle, zone) == before:
                first = middle
            else:
                last = middle
        found.append(last)
    return found
