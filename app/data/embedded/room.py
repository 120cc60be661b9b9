"""Whether a disk has room, and words for the case that it has none."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import ConfigurationError

NEEDED_BYTES = 48 * 2**20
"""What a start takes: a new file of the write-ahead log is 16 MB, and a checkpoint writes too."""


class DiskFullError(ConfigurationError):
    """The disk has no room for what PostgreSQL has to write."""


def full_disk(folder: Path) -> str | None:
    """Return a sentence about the disk that holds `folder` where it is full, else None."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free >= NEEDED_BYTES:
        return None
    return (
        f"the disk that holds {folder} is full: {free // 2**20} MB are free, the embedded "
        f"PostgreSQL needs {NEEDED_BYTES // 2**20} MB or more"
    )


@contextmanager
def explain_full_disk(folder: Path, *failures: type[Exception]) -> Iterator[None]:
    """Say that the disk is full where that is why something fails in one of these ways."""
    try:
        yield
    except failures as error:
        sentence = full_disk(folder)
        if sentence is None and getattr(error, "errno", None) == errno.ENOSPC:
            sentence = f"the disk that holds {folder} is full"
        if sentence is None:
            raise
        raise DiskFullError(f"{sentence}; make room on it") from error
