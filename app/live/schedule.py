"""When a poller looks at the database next; all times are seconds of the event loop's clock."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from ..backoff import Backoff

COMPARE_SECONDS = 5.0
"""The least time between two looks for corrections."""

COMPARE_SHARE = 20
"""A look for corrections is followed by a rest this many times as long, so that it costs the
database at most 5 % of one core, however many channels there are."""

LONGEST_SLEEP_SECONDS = 600.0
"""The monotonic clock and the database's drift apart; they are compared at least this often."""

LATE_SECONDS = (0.02, 1.0)
"""When to ask again for a bucket that the database did not yet hold to be complete."""

FAILURE_SECONDS = (0.25, 1.5)
"""When to ask a database again that is away: listeners have its news within 2 s of its return."""

MESSAGE_SECONDS = 1.5
"""How late a message may be before its bucket is read from the database."""

SUSPICION_SECONDS = 1.0
"""The least time between two looks at the database because something seems to have been missed."""


class Schedule:
    """When to advance (look for complete buckets) and when to compare (look for corrections).

    While it is `following` a publisher, messages bring both, and the database is asked only where
    they are late or seem to be lost.
    """

    def __init__(self, clock: Callable[[], float], following: Callable[[], bool]) -> None:
        self._clock = clock
        self._following = following
        self.advance_at = 0.0
        self.compare_at = 0.0
        self._suspect_at = math.inf
        self._rest_until = 0.0
        self._asked, self._ask_at = False, 0.0
        self._took_before = 0.0
        self._late = Backoff(*LATE_SECONDS)
        self._failures = Backoff(*FAILURE_SECONDS)

    def delay(self) -> float:
        """Return in how many seconds there is something to do; 0 or less: now."""
        due = min(self._advance_due, self._compare_due)
        return min(due - self._clock(), LONGEST_SLEEP_SECONDS)

    @property
    def advance_due(self) -> bool:
        """Whether a bucket should be complete by now."""
        return self._asked or self._clock() >= min(self._advance_due, self._suspect_at)

    @property
    def compare_due(self) -> bool:
        """Whether corrections should be looked for now."""
        return self._clock() >= self._compare_due

    @property
    def overdue(self) -> bool:
        """Whether nobody else brings what is complete by now."""
        return not self._following() or self._clock() >= self._advance_due

    @property
    def may_look(self) -> bool:
        """Whether the last look for corrections was long enough ago for one out of turn."""
        return self._clock() >= self._rest_until

    @property
    def ask_in_seconds(self) -> float:
        """How long to wait before complete buckets may be asked for out of turn."""
        return max(0.0, self._ask_at - self._clock())

    @property
    def _advance_due(self) -> float:
        return self.advance_at + (MESSAGE_SECONDS if self._following() else 0.0)

    @property
    def _compare_due(self) -> float:
        if self._following():
            return self._suspect_at
        return min(self.compare_at, self._suspect_at)

    def suspect(self) -> None:
        """Look soon, at a bounded rate: something may have been missed."""
        now = self._clock()
        soon = now if math.isinf(self._rest_until) else max(now, self._rest_until)
        self._suspect_at = min(self._suspect_at, soon)

    def ask(self) -> None:
        """Advance in the next turn, whenever a bucket is due."""
        self._asked, self._ask_at = True, self._clock() + SUSPICION_SECONDS

    def spread(self) -> None:
        """Put off the next look for corrections at random, since all gateways begin at once."""
        self.compare_at = self._clock() + COMPARE_SECONDS * random.uniform(0.2, 1.0)  # noqa: S311

    def expect(self, seconds: float, *, asked_in_vain: bool = False) -> None:
        """Advance in so many seconds; sooner than soon where the database was asked in vain."""
        self._asked = False
        if asked_in_vain and seconds <= 0:
            # Complete by the clock, but the database's views are not there yet.
            delay = self._late.next_seconds()
        else:
            self._late.reset()
            delay = max(seconds, LATE_SECONDS[0])
        self.advance_at = self._clock() + min(delay, LONGEST_SLEEP_SECONDS)

    def loaded(self, *, first: bool) -> None:
        """Take note that what was loaded needs no look for corrections for a while."""
        if first or self.compare_at == 0.0:
            self.compare_at = self._clock() + COMPARE_SECONDS

    def comparing(self) -> None:
        """Take note that corrections are being looked for."""
        self._suspect_at = self._rest_until = math.inf

    def compared(self, took_seconds: float) -> None:
        """Take note that corrections were looked for, and rest."""
        # The shorter of two: one during which the database stood still has cost it nothing.
        rest = COMPARE_SHARE * min(took_seconds, self._took_before)
        self._took_before = took_seconds
        self.compare_at = self._clock() + max(COMPARE_SECONDS, rest)
        self._rest_until = self._clock() + max(SUSPICION_SECONDS, rest)
        # What was suspected meanwhile waits for the rest as well.
        self._suspect_at = max(self._suspect_at, self._rest_until)

    def succeeded(self) -> None:
        """Take note that the database answered."""
        self._failures.reset()

    def failed(self) -> None:
        """Take note that it did not: look again later, and later each time."""
        late = self.overdue
        again = self._clock() + self._failures.next_seconds()
        if late:
            self.advance_at = self.compare_at = again
        # What a look that failed was to find is still to be found: a message may tell it no more.
        looking = math.isinf(self._rest_until)
        self._rest_until = again
        if looking or self._suspect_at < again:
            self._suspect_at = again
