"""Where lines come from: a file that can be resumed, or a pipe that can be given up."""

from __future__ import annotations

import hashlib
import io
import os
import select
from pathlib import Path

_SAMPLE_BYTES = 65_536
_POLL_SECONDS = 0.2


def fingerprint(path: Path, position: int) -> bytes:
    """Return a hash of what lies before `position` bytes of the file, by its beginning and end.

    What follows may change, be mended or grow: an import goes on where it stood.
    """
    digest = hashlib.sha256(position.to_bytes(8, "big"))
    with path.open("rb") as file:
        digest.update(file.read(min(position, _SAMPLE_BYTES)))
        file.seek(max(0, position - _SAMPLE_BYTES))
        digest.update(file.read(min(position, _SAMPLE_BYTES)))
    return digest.digest()


class Pipe(io.RawIOBase):
    """The bytes of a file descriptor, read in a thread that can be told to stop.

    A thread that waits in read() for a pipe nobody writes to could never be joined.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_stopped = False

    def stop(self) -> None:
        """Let the reader see the end of its input within _POLL_SECONDS."""
        self._is_stopped = True

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read what is there; wait while there is nothing."""
        while not self._is_stopped:
            if select.select([self._descriptor], [], [], _POLL_SECONDS)[0]:
                return os.readv(self._descriptor, [buffer])
        return 0
