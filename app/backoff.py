"""How long to wait before trying again what has failed.

Libraries for this repeat a call until it succeeds. Here loops go on for ever, and a success in
between starts the waiting over.
"""

from __future__ import annotations

import random


class Backoff:
    """Delays that double from `first_seconds` to `longest_seconds`, each spread by ± 20 %."""

    def __init__(self, first_seconds: float, longest_seconds: float) -> None:
        self._first_seconds = first_seconds
        self._longest_seconds = longest_seconds
        self._delay_seconds = first_seconds

    def next_seconds(self) -> float:
        """Return how long to wait after one more failure."""
        delay = self._delay_seconds
        self._delay_seconds = min(2 * delay, self._longest_seconds)
        return delay * random.uniform(0.8, 1.2)  # noqa: S311

    def reset(self) -> None:
        """Start over after a success."""
        self._delay_seconds = self._first_seconds
