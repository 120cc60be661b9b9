"""The machine's own KPIs, read through psutil."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import psutil

_MEGABYTE = 1e6


class _Counters(NamedTuple):
    """What only ever grows; two readings give a rate."""

    at_seconds: float
    cpu_busy_seconds: float
    cpu_total_seconds: float
    bytes_by_code: dict[str, int]


class MachineSampler:
    """Reads the machine; each rate is over the time since the reading before.

    `clock` counts seconds and never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before: _Counters | None = None

    def sample(self) -> dict[str, float]:
        """Return the KPIs by code: %, MB/s and load; may block, so call it in a thread.

        Rates are missing in the first sample, and where the machine doesn't tell them.
        """
        values = {
            "memory_used": psutil.virtual_memory().percent,
            "load_average": psutil.getloadavg()[0],
        }
        before, now = self._before, self._read_counters()
        self._before = now
        if before is not None:
            values |= _rates(before, now)
        return values

    def _read_counters(self) -> _Counters:
        # psutil.cpu_percent() remembers its last reading per thread, and threads of a pool differ.
        cpu = psutil.cpu_times()
        total = sum(cpu) - getattr(cpu, "guest", 0.0) - getattr(cpu, "guest_nice", 0.0)
        idle = cpu.idle + getattr(cpu, "iowait", 0.0)
        counted: dict[str, int] = {}
        if disk := psutil.disk_io_counters():
            counted |= {"disk_read": disk.read_bytes, "disk_write": disk.write_bytes}
        if network := psutil.net_io_counters():
            counted |= {"network_in": network.bytes_recv, "network_out": network.bytes_sent}
        return _Counters(self._clock(), total - idle, total, counted)


def _rates(before: _Counters, now: _Counters) -> dict[str, float]:
    values = {}
    if (cpu_seconds := now.cpu_total_seconds - before.cpu_total_seconds) > 0:
        busy = (now.cpu_busy_seconds - before.cpu_busy_seconds) / cpu_seconds
        values["cpu_utilisation"] = round(100 * min(max(busy, 0.0), 1.0), 3)
    if (seconds := now.at_seconds - before.at_seconds) > 0:
        for code, count in now.bytes_by_code.items():
            # A disk or an interface that was taken away takes its count with it.
            grown = max(count - before.bytes_by_code.get(code, count), 0)
            values[code] = round(grown / seconds / _MEGABYTE, 6)
    return values
