"""The file that keeps the lines that were refused; nothing that was there before is touched."""

from __future__ import annotations

import csv
import io
import os
import re
import stat
from pathlib import Path

from ...errors import InvalidParameterError
from .batches import Reject

HEADER = b"line,reason,text\r\n"
_MOST_NUMBERS = 10_000
# Also after blanks and quotes, which spreadsheets drop, and in the wide forms that they know.
_FORMULA = re.compile(r"[\s\"'\0-\x1f\ufeff\u200b]*[=+\-@＝＋－＠−]|[\t\r]")  # noqa: RUF001


class RejectFile:
    """A CSV file of `line,reason,text`, made when the first line is refused.

    A file that is there already is only gone on with where it is this import's own: `open` is told
    how long that was. Otherwise a name that was asked for is refused, and one that was made up
    gets a number.
    """

    def __init__(self, path: Path, *, asked_for: bool) -> None:
        self.path = path
        self._asked_for = asked_for
        self._begun = False

    def open(self, size: int) -> None:
        """Go on after `size` bytes of an earlier run; 0: there are none yet.

        Raises InvalidParameterError where the file that was asked for is somebody else's, OSError.
        """
        if size and self._is_ours(size):
            # What a run wrote that was then killed was not committed, and comes again.
            os.truncate(self.path, size)
            self._begun = True
        elif os.path.lexists(self.path):
            if self._asked_for:
                raise InvalidParameterError(
                    f"--rejects: {self.path} is there already, and nothing is overwritten: name a "
                    "file that is not"
                )
            self.path = self._free_name()

    def _is_ours(self, size: int) -> bool:
        try:
            found = self.path.stat()
            if not stat.S_ISREG(found.st_mode) or found.st_size < size:
                return False
            with self.path.open("rb") as file:
                return file.read(len(HEADER)) == HEADER
        except FileNotFoundError:
            return False

    def _free_name(self) -> Path:
        stem, suffix = self.path.stem, self.path.suffix
        for number in range(2, _MOST_NUMBERS):
            path = self.path.with_name(f"{stem}-{number}{suffix}")
            if not os.path.lexists(path):
                return path
        raise InvalidParameterError(f"too many files are called like {self.path}: remove some")

    def add(self, rejects: list[Reject]) -> int:
        """Append `rejects`, on the disk when this returns; return the file's size in bytes."""
        text = io.StringIO()
        writer = csv.writer(text)
        for reject in rejects:
            shown = reject.text.decode("utf-8", "backslashreplace").rstrip("\r\n")
            writer.writerow((reject.number, _as_text(reject.reason), _as_text(shown)))
        # Exclusively made: two imports that begin at once do not write into one file.
        with self.path.open("ab" if self._begun else "xb") as file:
            if not self._begun:
                file.write(HEADER)
                self._begun = True
            file.write(text.getvalue().encode())
            file.flush()
            os.fsync(file.fileno())
            return file.tell()


def _as_text(cell: str) -> str:
    """Return a cell that no spreadsheet computes: an apostrophe says that it is a text."""
    return f"'{cell}" if _FORMULA.match(cell) else cell
