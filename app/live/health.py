"""When a KPI has been silent for longer than is usual for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..models import Bucket

ALWAYS_TOLERATED_GAPS = 1


NO_DATA = "no data yet"
NO_NEW_ROWS = "no new rows"


class Silence(NamedTuple):
    """Why a KPI counts as silent, and since when in seconds; None where it was never heard."""

    reason: str
    since: int | None


def silence(buckets: Sequence[Bucket]) -> Silence | None:
    """Return the silence at the end of `buckets`, None while it is not unusual.

    `buckets` are oldest first, without a hole. Unusual is a run of gaps longer than the longest
    before it between two values, and longer than one: a KPI that reports every minute is stale
    after two silent minutes, one that reports every quarter of an hour after fifteen.
    """
    if buckets and buckets[-1].value is not None:
        return None
    longest = run = 0
    run_start: int | None = None
    heard = False
    for bucket in buckets:
        if bucket.value is None:
            if run == 0:
                run_start = bucket.start
            run += 1
        else:
            if heard:
                longest = max(longest, run)
            heard = True
            run = 0
    if not heard:
        return Silence(NO_DATA, None)
    if run > max(longest, ALWAYS_TOLERATED_GAPS):
        return Silence(NO_NEW_ROWS, run_start)
    return None
