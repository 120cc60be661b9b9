"""Time zones as TimescaleDB's days know them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_BUCKET = re.compile(r"\btime_bucket\(", re.IGNORECASE)
_NAMED = re.compile(r"timezone\s*=>\s*'([^']+)'", re.IGNORECASE)
_TEXT = re.compile(r"'([^']+)'::text")
_UTC = {"UTC", "Etc/UTC"}
_YEARS = 2


def zone_of(definition: str) -> str:
    """Return the zone in which the days of an aggregate begin.

    It is the third argument of time_bucket, or the one named timezone.
    """
    call = _BUCKET.search(definition)
    arguments = _arguments(definition[call.end() :]) if call else []
    for argument in arguments:
        if named := _NAMED.fullmatch(argument.removesuffix("::text").strip()):
            return named[1]
    third = _TEXT.fullmatch(arguments[2]) if len(arguments) > 2 else None
    return third[1] if third else "UTC"


def _arguments(text: str) -> list[str]:
    """Return the arguments of a call, whose opening parenthesis is just before `text`."""
    arguments, depth, quoted, first = [], 0, False, 0
    for at, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif not quoted and character in "([":
            depth += 1
        elif not quoted and character in ")]" and depth:
            depth -= 1
        elif not quoted and depth == 0 and character in ",)":
            arguments.append(text[first:at].strip())
            first = at + 1
            if character == ")":
                break
    return arguments


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
