"""Fuzz guided by coverage: `python -m tests.fuzz SECONDS`, with Atheris installed beside the rest.

The first byte chooses the target. Says each minute how many inputs each got, and stops at the first
that fails, which is then in a file of its own.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["app", "jwt", "werkzeug.http", "werkzeug.datastructures"]):
    from tests.fuzz.targets import TARGETS
    from tests.fuzz.test_fuzz import KNOWN
    from tests.http.hostile import BREAKOUTS

SECONDS = sys.argv[1] if len(sys.argv) > 1 else "60"
REPORT_SECONDS = 60.0
NAMES = list(TARGETS)


class Fuzz:
    """Gives each input to a target, and counts."""

    def __init__(self) -> None:
        self._cases: Counter[str] = Counter()
        self._begun = self._said = time.monotonic()

    def __call__(self, data: bytes) -> None:
        name = NAMES[data[0] % len(NAMES) if data else 0]
        self._cases[name] += 1
        TARGETS[name](data[1:])
        now = time.monotonic()
        if now - self._said >= min(REPORT_SECONDS, float(SECONDS) - 1):
            self._said = now
            print(
                f"{now - self._begun:.0f} s: {self._cases.total():,}", dict(self._cases), flush=True
            )


def main() -> None:
    words = [*KNOWN, *(text for text in BREAKOUTS if 0 < len(text) < 60)]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(len(NAMES)):
            for nr, word in enumerate(words):
                seed = bytes([number]) + word.encode("utf-8", "surrogatepass")
                (Path(folder) / f"{number}-{nr}").write_bytes(seed)
        options = [f"-max_total_time={SECONDS}", "-max_len=4096", "-print_final_stats=1"]
        atheris.Setup(["fuzz", folder, *options], Fuzz())
        atheris.Fuzz()


main()
