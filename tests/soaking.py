"""How much a test does: little in `make test`, enough to be sure in `make soak`."""

from __future__ import annotations

import os
from typing import TypeVar

SOAKING = "KPI_TEST_SOAK" in os.environ
Size = TypeVar("Size", int, float)


def sized(brief: Size, soak: Size) -> Size:
    """Return how much a test does: seconds, steps or examples."""
    return soak if SOAKING else brief
