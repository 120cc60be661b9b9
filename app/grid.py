"""The grid of buckets of a period: where they start, end, and how they are counted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from .models import Period

_MONTHS_IN_YEAR = 12


class Grid:
    """The half-open buckets of one period, numbered without a hole.

    Minutes to hours are fixed steps in UTC. Days, weeks and months begin at midnight in `zone`, so
    a day has 23 or 25 hours where the clock is put forward or back; where midnight does not exist
    it begins at the first instant of that date, as in PostgreSQL's `date_trunc`. Times are seconds
    since 1970 UTC.
    """

    def __init__(self, period: Period, zone: ZoneInfo) -> None:
        self.period = period
        self.zone = zone
        self._width_seconds = None if period.is_calendar else period.seconds
        # A date's start costs a time zone look-up; every channel asks for the same few.
        self._date_start = lru_cache(maxsize=4096)(self._compute_date_start)
        self._date_number = lru_cache(maxsize=4096)(self._compute_date_number)

    @property
    def name(self) -> str:
        """What makes two grids differ: the period, and from days on the time zone."""
        return self.period if self._width_seconds else f"{self.period}@{self.zone.key}"

    def index(self, at_seconds: float) -> int:
        """Return the number of the bucket that holds the instant `at_seconds`."""
        if self._width_seconds:
            return int(at_seconds // self._width_seconds)
        return self._date_number(int(at_seconds))

    def start(self, index: int) -> int:
        """Return when the bucket with the number `index` starts."""
        return index * self._width_seconds if self._width_seconds else self._date_start(index)

    def next(self, start: int) -> int:
        """Return the start of the bucket after the one at `start`, which is its end."""
        return start + self._width_seconds if self._width_seconds else self.shift(start, 1)

    def shift(self, start: int, buckets: int) -> int:
        """Return the start of the bucket that is `buckets` after (or before) the one at `start`."""
        return self.start(self.index(start) + buckets)

    def is_start(self, at_seconds: int) -> bool:
        """Whether a bucket starts at the instant `at_seconds`."""
        return self.start(self.index(at_seconds)) == at_seconds

    def _compute_date_start(self, index: int) -> int:
        if self.period.unit == "months":
            year, month = divmod(index * self.period.length, _MONTHS_IN_YEAR)
            day = date(year, month + 1, 1)
        else:
            # The date with the ordinal 1 is a Monday.
            day = date.fromordinal(index * self.period.length + 1)
        return int(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp())

    def _compute_date_number(self, at_seconds: int) -> int:
        day = datetime.fromtimestamp(at_seconds, UTC).astimezone(self.zone)
        if self.period.unit == "months":
            return (day.year * _MONTHS_IN_YEAR + day.month - 1) // self.period.length
        return (day.toordinal() - 1) // self.period.length


Grids = Mapping[Period, Grid]
"""The grid of each period, in one time zone; made once a process, since each remembers its days."""


def make_grids(zone: ZoneInfo) -> Grids:
    """Return the grids whose days begin at midnight in `zone`."""
    return {period: Grid(period, zone) for period in Period}
