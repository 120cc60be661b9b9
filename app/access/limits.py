"""How much one address or one subject may ask for."""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from ..errors import TooManyRequestsError, TooManyStreamsError
from ..metrics import Metrics
from ..settings import Settings

BURST_SECONDS = 10.0
"""So many seconds' requests may come at once: a page asks for dozens of files when it is opened."""

MAX_KNOWN = 10_000
"""Who is remembered at most; who was quiet longest is forgotten first, and starts anew."""


class Rates:
    """A token bucket for each who asks (address or subject), filled at one rate for all."""

    def __init__(
        self, per_second: float, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._most = max(per_second * BURST_SECONDS, 1.0)
        self._metrics = metrics
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str) -> None:
        """Count a request; raises TooManyRequestsError with when to ask again."""
        now = self._clock()
        left, at = self._buckets.get(who, (self._most, now))
        left = min(left + (now - at) * self._per_second, self._most)
        allowed = left >= 1
        self._buckets[who] = (left - 1 if allowed else left, now)
        self._buckets.move_to_end(who)
        if len(self._buckets) > MAX_KNOWN:
            self._buckets.popitem(last=False)
        if not allowed:
            self._metrics.requests_limited += 1
            raise TooManyRequestsError(
                "more requests came from here than KPI_MAX_REQUESTS_PER_SECOND allows",
                retry_after_seconds=math.ceil((1 - left) / self._per_second),
            )


class Place:
    """A stream's place among those of its address and subject."""

    __slots__ = ("_keys", "_open")

    def __init__(self, opened: Counter[str], keys: tuple[str, ...]) -> None:
        self._open = opened
        self._keys = keys
        opened.update(keys)

    def release(self) -> None:
        """Give the place up; idempotent."""
        for key in self._keys:
            self._open[key] -= 1
            if self._open[key] <= 0:
                del self._open[key]
        self._keys = ()


class Limits:
    """The limits of one process, as the settings say them; by default there are none."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._per_address = settings.max_streams_per_address
        self._per_subject = settings.max_streams_per_subject
        self._open: Counter[str] = Counter()
        self._rates: Rates | None = None
        if settings.max_requests_per_second is not None:
            self._rates = Rates(settings.max_requests_per_second, metrics)

    @property
    def limits_rates(self) -> bool:
        """Whether requests are counted at all."""
        return self._rates is not None

    @property
    def limits_addresses(self) -> bool:
        """Whether the streams of an address are counted."""
        return self._per_address is not None

    def request(self, who: str) -> None:
        """Count a request of an address or a subject; raises TooManyRequestsError."""
        if self._rates is not None:
            self._rates.take(who)

    def stream(self, address: str, subject: str | None) -> Place | None:
        """Take a place for a stream, to be released at its end; raises TooManyStreamsError.

        None where nothing is counted; a subject of None is not.
        """
        keys = []
        for most, key, name in (
            (self._per_address, f"address {address}", "KPI_MAX_STREAMS_PER_ADDRESS"),
            (None if subject is None else self._per_subject, f"subject {subject}",
             "KPI_MAX_STREAMS_PER_SUBJECT"),
        ):  # fmt: skip
            if most is not None:
                if self._open[key] >= most:
                    raise TooManyStreamsError(
                        f"as many streams are open from here as {name} allows"
                    )
                keys.append(key)
        return Place(self._open, tuple(keys)) if keys else None
