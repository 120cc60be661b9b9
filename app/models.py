"""The words of the contract as types: period, channel, bucket, catalogue entry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

from .errors import InvalidCodeError, InvalidParameterError

CODE_PATTERN = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


class Period(StrEnum):
    """The length of a bucket."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


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
        raise InvalidParameterError("period must be one of minute, hour, day") from None


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


class Bucket(NamedTuple):
    """What the database says of one period of one KPI.

    `start` is in seconds since 1970 UTC. `value` is the average and None in a gap. `points`,
    `minimum` and `maximum` are also None where the views do not have them. `digest` is the
    database's signed 64-bit hash of the start and the numbers, 0 in a gap: buckets with the same
    digest are taken to say the same. The start is in it so that sums of digests differ where a row
    has moved from one bucket to another.
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
    """What is known of a KPI besides its numbers; a KPI without a row shows its code."""

    code: str
    name: str
    unit: str = ""
    decimals: int | None = None
    direction: str | None = None
    target: float | None = None
    simulated: bool = False
