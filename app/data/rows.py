"""The database's rows as models: an answer, its buckets by code, the catalogue's entries."""

from __future__ import annotations

import asyncio
import math
from typing import Any, NamedTuple

from ..models import Aggregate, Bucket, CatalogueEntry
from .definitions import AVERAGES, Definitions

SLICE_ROWS = 4_000
"""Rows put in their place between two looks at the event loop."""


class Reading(NamedTuple):
    """One answer of the database.

    `now` is its clock in seconds since 1970 UTC; `complete_until` the start of the first bucket
    that is not complete yet; `rows` the complete buckets with raw rows, by code and start, as
    `definitions` has them made.
    """

    now: float
    complete_until: int
    rows: list[tuple[str, Bucket]]
    definitions: Definitions = AVERAGES


async def by_code(reading: Reading) -> dict[str, dict[int, Bucket]]:
    """Return the rows of a reading by code and start."""
    rows: dict[str, dict[int, Bucket]] = {}
    for at, (code, bucket) in enumerate(reading.rows):
        rows.setdefault(code, {})[bucket.start] = bucket
        if at % SLICE_ROWS == SLICE_ROWS - 1:
            await asyncio.sleep(0)
    return rows


def bucket_of(
    start: int,
    value: float | None,
    points: int | None,
    minimum: float | None,
    maximum: float | None,
    digest: int,
) -> Bucket:
    """Return a row as a bucket."""
    if value is None or not math.isfinite(value):
        # JSON has no such number; a view of the user's own may.
        return Bucket(start, None, points, None, None, digest)
    return Bucket(start, value, points, minimum, maximum, digest)


def entry_of(entry: dict[str, Any]) -> CatalogueEntry:
    """Return a row of the catalogue, which may lack columns, as an entry."""
    return CatalogueEntry(
        code=entry["code"],
        name=entry.get("name") or entry["code"],
        unit=entry.get("unit") or "",
        decimals=entry.get("decimals"),
        direction=entry.get("direction"),
        target=entry.get("target"),
        simulated=bool(entry.get("simulated")),
        warning=entry.get("warning"),
        aggregate=_aggregate(entry.get("aggregate")),
        formula=entry.get("formula") or None,
        group=entry.get("group_name") or "",
        description=entry.get("description") or "",
        lower=entry.get("lower"),
        upper=entry.get("upper"),
    )


def _aggregate(text: Any) -> Aggregate:
    return Aggregate(text) if text in set(Aggregate) else Aggregate.AVG
