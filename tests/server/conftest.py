"""Fixtures of the server's tests."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.stage import Stage, make_certificate


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    """Undo what a server does to the collector of its process."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.fixture
async def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))
