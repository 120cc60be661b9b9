"""Business KPIs that look alive: every value is a pure function of seed, code and time."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from math import cos, floor, pi

from ...models import Aggregate, CatalogueEntry

STEP_SECONDS = 10
"""A row of each KPI this often, now and in the history: an average over both weighs them alike."""

_DAY_SECONDS = 86_400
_WANDER_SECONDS = 4 * 3600
_FLUTTER_SECONDS = 600
_WEEKDAY_OF_DAY_ZERO = 3  # 1970 began on a Thursday


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedKpi:
    """How one KPI moves, in its own unit.

    `night` is its level in a quiet night of a working day; the day's rhythm adds up to `afternoon`
    and the weekend `weekend`. Hours-long `wander`, minutes-long `flutter` and each second's
    `jitter` come on top, as much up as down. The value stays within `low` and `high`. What
    `is_counted` is rounded up or down at random, so that its sums are those of the level.
    """

    entry: CatalogueEntry
    is_counted: bool = False
    night: float
    afternoon: float
    weekend: float
    wander: float
    flutter: float
    jitter: float
    low: float = 0.0
    high: float = 1e9


_FULFILMENT = SimulatedKpi(
    entry=CatalogueEntry("perfect_order_fulfilment", "Perfect order fulfilment", decimals=1),
    night=96.2,
    afternoon=-1.6,
    weekend=0.8,
    wander=1.3,
    flutter=0.5,
    jitter=0.35,
    high=100.0,
)
"""The share of the orders that are perfect; it is not written but computed from the orders."""

COMPUTED = (
    CatalogueEntry(
        "perfect_order_fulfilment",
        "Perfect order fulfilment",
        "%",
        1,
        "up",
        95.0,
        True,
        warning=94.0,
        formula="100 * sum(perfect_orders) / sum(orders)",
    ),
)
"""What the simulated KPIs are made into."""

ORDERS = "orders"
PERFECT_ORDERS = "perfect_orders"

SIMULATED = (
    SimulatedKpi(
        entry=CatalogueEntry(
            ORDERS, "Orders shipped", "orders", 0, "up", None, True, aggregate=Aggregate.SUM
        ),
        is_counted=True,
        night=3.0,
        afternoon=9.0,
        weekend=1.2,
        wander=0.8,
        flutter=0.5,
        jitter=0.4,
    ),
    SimulatedKpi(
        entry=CatalogueEntry(
            PERFECT_ORDERS, "Perfect orders", "orders", 0, "up", None, True, aggregate=Aggregate.SUM
        ),
        is_counted=True,
        night=2.9,
        afternoon=8.6,
        weekend=1.2,
        wander=0.8,
        flutter=0.5,
        jitter=0.4,
    ),
    SimulatedKpi(
        entry=CatalogueEntry("on_time_delivery", "On-time delivery", "%", 1, "up", 97.0, True),
        night=97.8,
        afternoon=-1.2,
        weekend=-0.7,
        wander=0.9,
        flutter=0.4,
        jitter=0.3,
        high=100.0,
    ),
    SimulatedKpi(
        entry=CatalogueEntry("order_cycle_time", "Order cycle time", "h", 1, "down", 24.0, True),
        night=22.0,
        afternoon=2.4,
        weekend=3.1,
        wander=1.8,
        flutter=0.7,
        jitter=0.35,
    ),
    SimulatedKpi(
        entry=CatalogueEntry(
            "order_backlog",
            "Order backlog",
            "orders",
            0,
            "down",
            400.0,
            True,
            warning=450.0,
            aggregate=Aggregate.LAST,
        ),
        night=210.0,
        afternoon=190.0,
        weekend=-80.0,
        wander=45.0,
        flutter=14.0,
        jitter=3.0,
    ),
    SimulatedKpi(
        entry=CatalogueEntry(
            "revenue_per_minute", "Revenue per minute", "€", 0, "up", 1500.0, True
        ),
        night=380.0,
        afternoon=1650.0,
        weekend=240.0,
        wander=160.0,
        flutter=90.0,
        jitter=70.0,
    ),
    SimulatedKpi(
        entry=CatalogueEntry("return_rate", "Return rate", "%", 2, "down", 3.5, True),
        night=3.2,
        afternoon=-0.4,
        weekend=0.5,
        wander=0.4,
        flutter=0.12,
        jitter=0.08,
    ),
)


class Simulator:
    """The simulated KPIs' values at any time, the same after every restart."""

    def __init__(self, seed: int = 1) -> None:
        self._key = struct.pack("<q", seed)
        # Neighbouring instants share the points that their noise is drawn between.
        self._draw = lru_cache(maxsize=4096)(self._compute_draw)
        self._kpis = {kpi.entry.code: kpi for kpi in SIMULATED}

    @property
    def codes(self) -> list[str]:
        """The codes of the simulated KPIs."""
        return list(self._kpis)

    def value(self, code: str, at_seconds: int) -> float:
        """Return the value of `code` at `at_seconds` since 1970 UTC, in the KPI's own unit."""
        if code == PERFECT_ORDERS:
            perfect = self.value(ORDERS, at_seconds) * self._level(_FULFILMENT, at_seconds) / 100
            return float(floor(perfect + self._chance(code, at_seconds)))
        kpi = self._kpis[code]
        level = self._level(kpi, at_seconds)
        if kpi.is_counted:
            return float(floor(level + self._chance(code, at_seconds)))
        # Two digits more than are shown: nobody measures these to the sixteenth.
        return round(level, (kpi.entry.decimals or 0) + 2)

    def _level(self, kpi: SimulatedKpi, at_seconds: int) -> float:
        code = kpi.entry.code
        value = (
            kpi.night
            + kpi.afternoon * _rhythm(at_seconds)
            + kpi.weekend * _weekend(at_seconds)
            + kpi.wander * self._noise(code, "wander", at_seconds, _WANDER_SECONDS)
            + kpi.flutter * self._noise(code, "flutter", at_seconds, _FLUTTER_SECONDS)
            + kpi.jitter * self._compute_draw(code, "jitter", at_seconds)
        )
        return min(max(value, kpi.low), kpi.high)

    def _chance(self, code: str, at_seconds: int) -> float:
        """Return a number from 0 to 1 that decides whether to round up."""
        return (self._compute_draw(code, "chance", at_seconds) + 1) / 2

    def _noise(self, code: str, kind: str, at_seconds: int, step_seconds: int) -> float:
        """Return smooth noise in -1 to 1: random points every step, eased from one to the next."""
        point, rest = divmod(at_seconds, step_seconds)
        before = self._draw(code, kind, point)
        after = self._draw(code, kind, point + 1)
        return before + (after - before) * _ease(rest / step_seconds)

    def _compute_draw(self, code: str, kind: str, point: int) -> float:
        """Return a number in -1 to 1 that looks random and never changes."""
        text = f"{code} {kind} {point}".encode()
        digest = blake2b(text, digest_size=8, key=self._key).digest()
        return float(struct.unpack("<q", digest)[0]) / 2.0**63


def _ease(share: float) -> float:
    return share * share * (3 - 2 * share)


def _rhythm(at_seconds: int) -> float:
    """Return the day's rhythm, 0 at 3 o'clock at night to 1 in the afternoon (UTC)."""
    share = (at_seconds / _DAY_SECONDS - 3 / 24) % 1.0
    return _ease((1 - cos(2 * pi * share)) / 2)


def _weekend(at_seconds: int) -> float:
    """Return 1 on the weekend, 0 on working days, and a slope of six hours between them."""
    days = at_seconds / _DAY_SECONDS + _WEEKDAY_OF_DAY_ZERO
    since_saturday = (days - 5) % 7.0
    rise = _ease(min(since_saturday * 4, 1.0))
    fall = _ease(min(max((since_saturday - 2) * 4, 0.0), 1.0))
    return rise - fall
