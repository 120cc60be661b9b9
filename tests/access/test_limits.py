"""Token buckets and places: exact, and bounded however many ask."""

from __future__ import annotations

import pytest

from app.access.limits import MAX_KNOWN, Limits, Rates
from app.errors import TooManyRequestsError, TooManyStreamsError
from app.metrics import Metrics
from app.settings import Settings


def test_a_bucket_is_filled_at_its_rate() -> None:
    now, metrics = [1000.0], Metrics()
    rates = Rates(2.0, metrics, lambda: now[0])
    for _ in range(20):
        rates.take("a")
    with pytest.raises(TooManyRequestsError) as refused:
        rates.take("a")
    assert refused.value.retry_after_seconds == 1
    rates.take("b")
    now[0] += 1.0
    rates.take("a")
    rates.take("a")
    with pytest.raises(TooManyRequestsError):
        rates.take("a")
    assert metrics.requests_limited == 2


def test_a_rate_below_one_a_second() -> None:
    now = [0.0]
    rates = Rates(0.01, Metrics(), lambda: now[0])
    rates.take("a")
    with pytest.raises(TooManyRequestsError) as refused:
        rates.take("a")
    assert refused.value.retry_after_seconds == 100
    now[0] += 100.0
    rates.take("a")


def test_who_asks_is_remembered_within_bounds() -> None:
    rates = Rates(1.0, Metrics(), lambda: 0.0)
    for number in range(MAX_KNOWN + 500):
        rates.take(str(number))
    assert len(rates._buckets) == MAX_KNOWN


def test_places_are_counted_by_address_and_subject() -> None:
    settings = Settings(max_streams_per_address=2, max_streams_per_subject=1)
    limits = Limits(settings, Metrics())
    first = limits.stream("a", "alice")
    assert first is not None
    with pytest.raises(TooManyStreamsError, match="KPI_MAX_STREAMS_PER_SUBJECT"):
        limits.stream("b", "alice")
    second = limits.stream("a", None)
    with pytest.raises(TooManyStreamsError, match="KPI_MAX_STREAMS_PER_ADDRESS"):
        limits.stream("a", "bob")
    first.release()
    first.release()
    assert limits.stream("a", "bob") is not None
    assert second is not None
    with pytest.raises(TooManyStreamsError):
        limits.stream("a", "carol")


def test_without_limits_nothing_is_counted() -> None:
    assert Limits(Settings(), Metrics()).stream("a", "alice") is None
