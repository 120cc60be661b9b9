"""An import's progress as one line of a terminal: bar, rate and time left."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TextIO

from ...wording import counted
from .importer import Progress

_BAR_CELLS = 30
_TERMINAL_SECONDS = 0.1
_LOG_SECONDS = 10.0


class ProgressLine:
    """Draws progress on `out`: over itself on a terminal, else a new line now and then.

    Without a known size there is no bar and no time left, the rate alone. `clock` counts seconds.
    """

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._clock = clock
        self._is_terminal = out.isatty()
        self._interval = _TERMINAL_SECONDS if self._is_terminal else _LOG_SECONDS
        self.first: Progress | None = None
        self._begun_at = 0.0
        self._drawn_at = float("-inf")
        self._last: tuple[float, Progress] | None = None

    def __call__(self, progress: Progress) -> None:
        """Show `progress` unless the last was shown just now."""
        now = self._clock()
        if self.first is None:
            self._begun_at, self.first = now, progress
        self._last = (now, progress)
        if now - self._drawn_at >= self._interval:
            self._drawn_at = now
            self._draw(self._text(now, progress))

    def finish(self) -> None:
        """Show the last progress and end the line."""
        if self._last is not None:
            self._draw(self._text(*self._last))
        if self._is_terminal:
            self._out.write("\n")
            self._out.flush()

    def _text(self, now: float, progress: Progress) -> str:
        """Return the line for `progress` at `now`; rates are over this run alone."""
        begin = self.first or progress
        seconds = now - self._begun_at
        parts = []
        if progress.size:
            share = min(progress.position / progress.size, 1.0)
            cells = int(share * _BAR_CELLS)
            parts.append(f"[{'#' * cells}{'-' * (_BAR_CELLS - cells)}] {share:4.0%}")
        parts.append(counted(progress.loaded, "row"))
        if progress.rejected:
            parts.append(f"{progress.rejected:,} refused")
        if seconds > 0:
            parts.append(f"{(progress.loaded - begin.loaded) / seconds:,.0f} rows/s")
            speed = (progress.position - begin.position) / seconds
            if progress.size and speed > 0:
                left = max(progress.size - progress.position, 0) / speed
                parts.append(f"{timedelta(seconds=round(left))} left")
        return "  ".join(parts)

    def _draw(self, text: str) -> None:
        # Clearing to the end of the line takes away what a longer line left.
        self._out.write(f"\r{text}\x1b[K" if self._is_terminal else f"{text}\n")
        self._out.flush()
