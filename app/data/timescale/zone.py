"""Time zones as TimescaleDB's days know them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_DAY_ZONE = re.compile(r"time_bucket\('1 day'::interval, [^,()]+, '([^']+)'::text")
_UTC = {"UTC", "Etc/UTC"}
_YEARS = 2


def zone_of(definition: str) -> str:
    """Return the zone in which the days of an aggregate begin."""
    match = _DAY_ZONE.search(definition)
    return match[1] if match else "UTC"


def same_zone(one: str, other: str) -> bool:
    """Whether days begin at the same instants in both zones, whatever happens."""
    return one == other or {one, other} <= _UTC


def midnight_twice(zone: ZoneInfo) -> date | None:
    """Return a date, within two years of today, on which the clock shows midnight twice.

    There time_bucket begins the day at the second midnight, and from TimescaleDB 2.25 on counts
    the hour before it to the day before (timescaledb#9136). It is so in Cuba and the Azores.
    """
    today = datetime.now(UTC).toordinal()
    for ordinal in range(today - _YEARS * 366, today + _YEARS * 366):
        day = datetime.fromordinal(ordinal)
        first, second = (day.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        # In a gap, where midnight does not exist, the order is the other way round.
        if second - first > timedelta(0):
            return day.date()
    return None
