"""The simulated business: the same at any time and after every restart, and believable."""

from __future__ import annotations

from itertools import pairwise
from statistics import mean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.data.demo.catalogue import MACHINE
from app.data.demo.simulator import SIMULATED, SimulatedKpi, Simulator
from app.models import parse_code

MONDAY = 1_735_516_800  # 2024-12-30T00:00:00Z
CODES = [kpi.entry.code for kpi in SIMULATED]


def test_values_never_change() -> None:
    # Written down once: another release must continue the history that this one began.
    simulator = Simulator(seed=1)
    assert {code: simulator.value(code, MONDAY + 43_210) for code in CODES} == {
        "orders": 12.0,
        "perfect_orders": 11.0,
        "on_time_delivery": 95.953,
        "order_cycle_time": 25.301,
        "order_backlog": 411.31,
        "revenue_per_minute": 1969.76,
        "return_rate": 3.1029,
    }


@given(st.sampled_from(CODES), st.integers(0, 2**33), st.integers(0, 2**33))
def test_a_value_depends_on_nothing_asked_before(code: str, first: int, second: int) -> None:
    simulator = Simulator(seed=7)
    simulator.value(code, first)
    assert simulator.value(code, second) == Simulator(seed=7).value(code, second)


def test_seeds_differ() -> None:
    assert Simulator(1).value(CODES[0], MONDAY) != Simulator(2).value(CODES[0], MONDAY)


@pytest.mark.parametrize("kpi", SIMULATED, ids=CODES)
@given(at=st.integers(0, 2**33))
def test_values_stay_in_their_range(kpi: SimulatedKpi, at: int) -> None:
    assert kpi.low <= Simulator().value(kpi.entry.code, at) <= kpi.high


@pytest.mark.parametrize("code", CODES)
def test_a_week_is_alive_and_smooth(code: str) -> None:
    simulator = Simulator()
    minutes = [simulator.value(code, MONDAY + 60 * minute) for minute in range(7 * 1440)]
    hours = [mean(minutes[start : start + 60]) for start in range(0, len(minutes), 60)]
    steps = [abs(after - before) for before, after in pairwise(hours)]
    assert stdev(hours) > 0
    # The hours wander, they don't jump: no step is a large part of the week's range.
    assert max(steps) < 0.35 * (max(hours) - min(hours))


def test_the_day_has_a_rhythm_and_the_week_a_weekend() -> None:
    simulator = Simulator()

    def average(day: int, hour: int) -> float:
        start = MONDAY + 86_400 * day + 3600 * hour
        return mean(simulator.value("revenue_per_minute", start + 60 * i) for i in range(60))

    for day in range(7):
        assert average(day, 15) > 2 * average(day, 3)
    saturday = mean(
        simulator.value("order_backlog", MONDAY + 86_400 * 5 + 600 * i) for i in range(144)
    )
    tuesday = mean(simulator.value("order_backlog", MONDAY + 86_400 + 600 * i) for i in range(144))
    assert saturday < tuesday


def test_the_catalogue_marks_what_is_simulated() -> None:
    assert all(kpi.entry.simulated for kpi in SIMULATED)
    assert not any(entry.simulated for entry in MACHINE)
    codes = [parse_code(code) for code in [*CODES, *(entry.code for entry in MACHINE)]]
    assert len(set(codes)) == len(codes)


def test_perfect_orders_are_orders_and_as_many_as_the_share_says() -> None:
    simulator = Simulator()
    seconds = range(MONDAY, MONDAY + 86_400, 10)
    orders = [simulator.value("orders", second) for second in seconds]
    perfect = [simulator.value("perfect_orders", second) for second in seconds]
    assert all(few <= all_ and few == int(few) for few, all_ in zip(perfect, orders, strict=True))
    assert 94 < 100 * sum(perfect) / sum(orders) < 97
