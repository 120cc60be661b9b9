"""When the database is looked at: what is suspected is looked for, however often that fails."""

from __future__ import annotations

from app.live.schedule import COMPARE_SECONDS, COMPARE_SHARE, FAILURE_SECONDS, Schedule


class Time:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_was_suspected_is_looked_for_again_where_the_look_failed() -> None:
    time = Time()
    schedule = Schedule(time, following=lambda: True)
    schedule.expect(60.0)
    schedule.suspect()
    schedule.comparing()
    schedule.failed()
    assert schedule.delay() > 0, "it rests first"
    time.now += FAILURE_SECONDS[1]
    assert schedule.compare_due


def test_a_look_that_succeeded_is_not_had_again() -> None:
    time = Time()
    schedule = Schedule(time, following=lambda: True)
    schedule.expect(60.0)
    schedule.suspect()
    schedule.comparing()
    schedule.compared(took_seconds=0.01)
    time.now += FAILURE_SECONDS[1]
    assert not schedule.compare_due


def test_looks_that_take_long_are_rare_but_for_one_in_which_the_database_stood_still() -> None:
    time = Time()
    schedule = Schedule(time, following=lambda: False)
    schedule.expect(1e6)
    for took, rests in ((0.01, COMPARE_SECONDS), (9.0, COMPARE_SECONDS), (3.0, COMPARE_SHARE * 3)):
        schedule.comparing()
        schedule.compared(took)
        time.now += rests - 0.1
        assert not schedule.compare_due
        time.now += 0.1
        assert schedule.compare_due
