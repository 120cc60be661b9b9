"""The progress line: bar, rate, time left; quiet where it is no terminal."""

from __future__ import annotations

import io

from app.data.importing.importer import Progress
from app.data.importing.progress import ProgressLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_bar_rate_and_time_left() -> None:
    clock = Clock()
    out = Terminal()
    line = ProgressLine(out, clock)
    line(Progress(size=4000, position=1000, loaded=100))
    clock.now = 10.0
    line(Progress(size=4000, position=3000, loaded=20_100, rejected=2))
    assert out.getvalue().endswith(
        "\r[######################--------]  75%  20,100 rows  2 refused  2,000 rows/s"
        "  0:00:05 left\x1b[K"
    )


def test_without_a_size_there_is_only_the_rate() -> None:
    clock = Clock()
    out = Terminal()
    line = ProgressLine(out, clock)
    line(Progress())
    clock.now = 2.0
    line(Progress(position=99, loaded=500))
    assert out.getvalue().endswith("\r500 rows  250 rows/s\x1b[K")


def test_it_draws_ten_times_a_second_at_most_and_always_the_last() -> None:
    clock = Clock()
    out = Terminal()
    line = ProgressLine(out, clock)
    for step in range(1000):
        clock.now = step / 1000
        line(Progress(loaded=step))
    clock.now = 100.0  # what comes after the last progress is not counted into the rate
    line.finish()
    assert "1,000 rows/s" in out.getvalue()
    assert 10 <= out.getvalue().count("\r") <= 12
    assert "999 rows" in out.getvalue()
    assert out.getvalue().endswith("\n")


def test_in_a_log_it_is_a_line_every_ten_seconds() -> None:
    clock = Clock()
    out = io.StringIO()
    line = ProgressLine(out, clock)
    for second in range(30):
        clock.now = float(second)
        line(Progress(loaded=second))
    line.finish()
    assert out.getvalue().splitlines()[0] == "0 rows"
    assert len(out.getvalue().splitlines()) == 4
    assert "\r" not in out.getvalue()
