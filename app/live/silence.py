"""When a KPI has been silent for longer than is usual for it."""

from __future__ import annotations

from collections.abc import Iterable

from app.models import Bucket

ALWAYS_TOLERATED_GAPS = 1


def silent_since(buckets: Iterable[Bucket]) -> int | None:
    """Return the start of the silence at the end of `buckets`, None while it is not unusual.

    `buckets` are oldest first, without a hole. Unusual is a run of gaps longer than the longest
    before it between two values, and longer than one: a KPI that reports every minute is stale
    after two silent minutes, one that reports every quarter of an hour after fifteen.
    """
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
    return run_start if run > max(longest, ALWAYS_TOLERATED_GAPS) else None
