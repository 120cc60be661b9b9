"""A channel that a poller keeps in step with the database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from ..grid import Grid
from ..models import Bucket, Channel
from .health import Trouble
from .series import Change, Series


class WatchedChannel(ABC):
    """The series of a channel; what becomes new in it goes to whoever a subclass says."""

    def __init__(self, channel: Channel, grid: Grid) -> None:
        self.channel = channel
        self.grid = grid
        self._series: Series | None = None
        self._trouble: Trouble | None = None

    @property
    def loaded(self) -> bool:
        """Whether the series has been read from the database."""
        return self._series is not None

    @property
    def series(self) -> Series:
        """The buckets published so far; raises LookupError until loaded."""
        if self._series is None:
            raise LookupError(f"{self.channel} is not loaded")
        return self._series

    def load(self, series: Series) -> None:
        """Start from what the database has now; start again where too much has been missed."""
        again, self._series = self.loaded, series
        self._on_load(again=again)

    def observe(self, buckets: Iterable[Bucket]) -> None:
        """Publish what is new or changed among `buckets`, which are oldest first."""
        series, changed = self.series, False
        for bucket in buckets:
            change = series.observe(bucket)
            if change is not None:
                changed = True
                self._on_change(change, bucket)
        if changed:
            self._on_observed()

    def set_trouble(self, trouble: Trouble | None) -> None:
        """Take note that the data cannot be relied on, or (None) that it can."""
        if trouble != self._trouble:
            before, self._trouble = self._trouble, trouble
            self._on_trouble(before)

    @abstractmethod
    def _on_load(self, *, again: bool) -> None:
        """Act on a new series; `again` if there was one before."""

    @abstractmethod
    def _on_change(self, change: Change, bucket: Bucket) -> None:
        """Act on one bucket that is new or changed; the series has it already."""

    @abstractmethod
    def _on_observed(self) -> None:
        """Act on the end of a run of buckets of which at least one was new or changed."""

    @abstractmethod
    def _on_trouble(self, before: Trouble | None) -> None:
        """Act on a trouble that began, changed or ended."""
