"""The database's clock, told between two answers of the database by the monotonic clock."""

from __future__ import annotations

import asyncio


class DatabaseClock:
    """What time it is at the database.

    The application's own wall clock is never looked at: it may be wrong.
    """

    def __init__(self) -> None:
        self._offset_seconds = 0.0
        self.last_answer: float | None = None

    def set(self, now: float) -> None:
        """Take note that the database has just said it is `now`, in seconds since 1970."""
        self._offset_seconds = now - asyncio.get_running_loop().time()
        self.last_answer = now

    def now(self) -> float:
        """Return the database's time now, in seconds since 1970."""
        return asyncio.get_running_loop().time() + self._offset_seconds
