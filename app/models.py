"""The words of the contract as types: period, channel, bucket, catalogue entry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from enum import StrEnum
from typing import Any, NamedTuple, Self

from .errors import InvalidCodeError, InvalidParameterError

CODE_PATTERN = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


def is_text(value: Any) -> bool:
    """Tell whether a value is a text that can be kept and sent: JSON can hold what cannot."""
    if not isinstance(value, str) or "\0" in value:  # PostgreSQL has no NUL
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


class Period(StrEnum):
    """The length of a bucket: its name, the view it is read from, and how long it is.

    Another period is another line. One of `days` or `months` begins at midnight in the business's
    time zone and has the name that PostgreSQL's `date_trunc` knows it by; days count from a Monday,
    months from January. The others are whole parts of a day, counted in UTC.
    """

    MINUTE = "minute", "minute", 1, "minutes"
    FIVE_MINUTES = "5min", "minute", 5, "minutes"
    QUARTER_HOUR = "15min", "minute", 15, "minutes"
    HOUR = "hour", "hour", 60, "minutes"
    DAY = "day", "day", 1, "days"
    WEEK = "week", "day", 7, "days"
    MONTH = "month", "day", 1, "months"

    stored: str
    length: int
    unit: str

    def __new__(cls, name: str, stored: str = "", length: int = 0, unit: str = "") -> Self:
        """Make a member that is its name."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.stored = stored
        member.length = length
        member.unit = unit
        return member

    @property
    def is_stored(self) -> bool:
        """Whether the database keeps this period; others are computed from one that it keeps."""
        return str(self) == self.stored

    @property
    def is_calendar(self) -> bool:
        """Whether its buckets begin at midnight in the business's time zone."""
        return self.unit != "minutes"

    @property
    def seconds(self) -> int:
        """The length in seconds, where clocks do not change and a month has thirty days."""
        return self.length * {"minutes": 60, "days": 86_400, "months": 2_592_000}[self.unit]


STORED_PERIODS = tuple(period for period in Period if period.is_stored)
"""The periods that the database has views of."""


class Aggregate(StrEnum):
    """How the raw rows of a bucket become its value."""

    AVG = "avg"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    COUNT = "count"
    LAST = "last"


def parse_code(text: str) -> str:
    """Return `text` if it can be the code of a KPI; raise InvalidCodeError otherwise."""
    if CODE_PATTERN.fullmatch(text) is None:
        raise InvalidCodeError(
            "a KPI code is 1 to 64 characters of A-Z a-z 0-9 _ . -",
        )
    return text


def parse_period(text: str) -> Period:
    """Return the period that `text` names; raise InvalidParameterError otherwise."""
    try:
        return Period(text)
    except ValueError:
        names = ", ".join(period.value for period in Period)
        raise InvalidParameterError(f"period must be one of {names}") from None


@dataclass(frozen=True, slots=True, order=True)
class Channel:
    """One KPI at one period, written `code:period`."""

    code: str
    period: Period

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `code:period`; raise InvalidCodeError or InvalidParameterError for anything else."""
        code, colon, period = text.rpartition(":")
        if not colon:
            raise InvalidParameterError("a channel is written code:period")
        return cls(parse_code(code), parse_period(period))

    def __str__(self) -> str:
        return f"{self.code}:{self.period.value}"


class Target(NamedTuple):
    """What a KPI's values are held against, and how many decimals they are shown with.

    `direction` is the better one, `up` or `down`; a value that misses `target` is bad once it
    misses `warning`, too. `decimals` of None are four digits, and from 1000 on whole numbers.
    """

    direction: str | None
    target: float | None
    warning: float | None
    decimals: int | None

    def status(self, value: float | None) -> str | None:
        """Return `good`, `warning` or `bad`, by the value as it is shown; None: not to be told."""
        if value is None or self.target is None or self.direction not in ("up", "down"):
            return None
        if self._reaches(value, self.target):
            return "good"
        if self.warning is not None and self._reaches(value, self.warning):
            return "warning"
        return "bad"

    def _reaches(self, value: float, limit: float) -> bool:
        shown, wanted = self._rounded(value), self._rounded(limit)
        return shown >= wanted if self.direction == "up" else shown <= wanted

    def _rounded(self, value: float) -> Decimal:
        """Round as a browser does: the shortest decimal of the double, halves away from zero."""
        exact = Decimal(repr(value))
        if self.decimals is not None:
            digits = self.decimals
        elif abs(value) >= _SHOWN_WHOLE:
            digits = 0
        else:
            digits = _SHOWN_DIGITS - 1 - exact.adjusted()
        return round_half_up(exact, digits)


_SHOWN_WHOLE = 1000
_SHOWN_DIGITS = 4


def round_half_up(exact: Decimal, digits: int) -> Decimal:
    """Return a decimal with so many digits after the point, halves away from zero."""
    with localcontext() as context:
        context.prec = 400
        context.rounding = ROUND_HALF_UP
        return exact.quantize(Decimal(1).scaleb(-digits))


class Bucket(NamedTuple):
    """What the database says of one period of one KPI.

    `start` is in seconds since 1970 UTC. `value` is what the KPI's aggregate or formula makes of
    the raw rows, None in a gap. `points`, `minimum` and `maximum` are also None where the views do
    not have them; a formula has no minimum and maximum, and the points of all its KPIs. `digest` is
    the database's signed 64-bit hash of the start and the numbers, 0 in a gap: buckets with the
    same digest are taken to say the same. The start is in it so that sums of digests differ where
    a row has moved from one bucket to another.
    """

    start: int
    value: float | None
    points: int | None
    minimum: float | None
    maximum: float | None
    digest: int

    @classmethod
    def gap(cls, start: int) -> Self:
        """Return the bucket at `start` in which no raw row lies."""
        return cls(start, None, 0, None, None, 0)


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """What is known of a KPI besides its numbers; a KPI without a row shows its code.

    With a `formula` it is computed from other KPIs, else its raw rows become its value by its
    `aggregate`. `direction` is the better one, `up` or `down`; a value that misses the `target` is
    bad from `warning` on. `lower` and `upper` are the ends of its gauge.
    """

    code: str
    name: str
    unit: str = ""
    decimals: int | None = None
    direction: str | None = None
    target: float | None = None
    simulated: bool = False
    warning: float | None = None
    aggregate: Aggregate = Aggregate.AVG
    formula: str | None = None
    group: str = ""
    description: str = ""
    lower: float | None = None
    upper: float | None = None
