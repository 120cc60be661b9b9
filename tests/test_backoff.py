"""Delays double up to the longest, spread, and start over after a success."""

import pytest

from app.backoff import Backoff


def test_delays_double_up_to_the_longest_and_start_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.backoff.random.uniform", lambda low, high: 1.0)
    backoff = Backoff(0.25, 1.5)
    assert [backoff.next_seconds() for _ in range(5)] == [0.25, 0.5, 1.0, 1.5, 1.5]
    backoff.reset()
    assert backoff.next_seconds() == 0.25


def test_delays_are_spread_so_that_many_do_not_try_at_once() -> None:
    delays = {Backoff(1.0, 8.0).next_seconds() for _ in range(100)}
    assert len(delays) > 50
    assert 0.8 <= min(delays) < 0.9 < 1.1 < max(delays) <= 1.2
