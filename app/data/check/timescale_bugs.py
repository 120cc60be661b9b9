"""Releases of TimescaleDB that are known to give wrong numbers to what this project uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from ..timescale.catalog import Release
from .findings import Finding, error, mend, warning


@dataclass(frozen=True, slots=True)
class Use:
    """What a database makes of TimescaleDB, as far as bugs depend on it.

    `batched` names the refresh jobs that work in batches; `zoned` is whether days begin at midnight
    of a time zone other than UTC.
    """

    batched: tuple[int, ...]
    zoned: bool
    compressed: bool
    correction_window: timedelta


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug of the releases from `since` up to, and without, `fixed` (None: not fixed yet)."""

    issue: int
    since: tuple[int, int, int]
    fixed: tuple[int, int, int] | None
    says: str
    finding: Callable[[str, str | None], Finding]
    hits: Callable[[Use], bool] = lambda _: True

    def concerns(self, release: Release) -> bool:
        """Whether this release has the bug."""
        return self.since <= release.version and (
            self.fixed is None or release.version < self.fixed
        )


BUGS = (
    Bug(
        6443,
        (0, 0, 0),
        (2, 13, 1),
        "two views refreshed at the same time can leave one as it was until the next refresh",
        warning,
    ),
    Bug(
        7686,
        (2, 18, 0),
        (2, 18, 2),
        "aggregates over compressed rows can be wrong",
        error,
        lambda use: use.compressed,
    ),
    Bug(8621, (2, 22, 0), (2, 22, 1), "a refresh can leave buckets out", error),
    Bug(
        9226,
        (2, 21, 0),
        (2, 25, 1),
        "a refresh job that works in batches can leave out days with a time zone",
        error,
        lambda use: use.zoned and bool(use.batched),
    ),
    Bug(
        9221,
        (2, 21, 0),
        (2, 26, 3),
        "two refreshes of one view at the same time, such as a job's and one after an import, "
        "can leave buckets twice or out until the next refresh",
        warning,
    ),
    Bug(
        10221,
        (2, 28, 0),
        (2, 29, 0),
        "a refresh in batches leaves out a bucket at whose very start a change ends",
        error,
        lambda use: bool(use.batched),
    ),
    Bug(
        10296,
        (2, 25, 1),
        None,
        "when a change reaches back over midnight and its last row is in the first minute of a "
        "complete day, that day is not refreshed; this project's own imports are safe",
        warning,
        lambda use: use.zoned,
    ),
    Bug(
        10296,
        (2, 25, 1),
        None,
        "with KPI_CORRECTION_WINDOW of a day or more (23 hours, where clocks change), a late row "
        "in the first minute of a complete day can be missed by that day",
        error,
        lambda use: use.zoned and use.correction_window >= timedelta(hours=23),
    ),
)


def known_bugs(release: Release, use: Use) -> Iterator[Finding]:
    """Yield the bugs of a release that concern what is made of it."""
    for bug in BUGS:
        if not bug.concerns(release) or not bug.hits(use):
            continue
        if bug.fixed is None:
            cure, sql = "not fixed in any release yet", ""
        else:
            cure = f"fixed in {'.'.join(map(str, bug.fixed))}"
            sql = mend("upgrade")
        if bug.issue in {9226, 10221}:
            sql = "\n".join([*(mend("whole", job=job) for job in use.batched), sql])
        sentence = f"TimescaleDB {release.text}: {bug.says} (timescaledb#{bug.issue}, {cure})"
        yield bug.finding(sentence, sql or None)
