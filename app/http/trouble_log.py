"""What clients are not told, for those who run the server."""

from __future__ import annotations

import logging
import time

from ..errors import KpiStreamError

log = logging.getLogger(__name__)


class TroubleLog:
    """Logs errors of which clients are told less; a herd of requests makes one line, not many."""

    SECONDS = 10.0
    MOST_TEXTS = 100

    def __init__(self) -> None:
        self._logged_at: dict[str, float] = {}

    def note(self, error: KpiStreamError) -> None:
        """Log an error that has more to say than clients are told, unless it was a moment ago."""
        text, now = str(error), time.monotonic()
        if error.public == text or now - self._logged_at.get(text, -self.SECONDS) < self.SECONDS:
            return
        if len(self._logged_at) >= self.MOST_TEXTS:
            self._logged_at.clear()
        self._logged_at[text] = now
        log.warning("%s: %s", error.title, " ".join(text.split()))
