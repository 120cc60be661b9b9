"""What a server sets for its whole process."""

from __future__ import annotations

import gc
import resource

import pytest

from app.gateway import open_front
from app.server.limits import Limits
from app.server.serve import COLLECTOR_THRESHOLDS
from app.server.sockets import raise_file_limit
from app.settings import Settings
from tests.server.stage import Stage, running


async def test_what_start_up_made_is_never_collected_again(stage: Stage) -> None:
    assert gc.get_freeze_count() == 0
    async with running(stage):
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold() == COLLECTOR_THRESHOLDS


def test_as_many_connections_as_the_system_allows() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        assert raise_file_limit() == hard
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_where_the_limit_is_infinite_but_cannot_be_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on macOS, where getrlimit says "infinity" and setrlimit takes OPEN_MAX at most."""
    asked: list[tuple[int, int]] = []

    def set_limit(kind: int, limits: tuple[int, int]) -> None:
        if limits[0] == resource.RLIM_INFINITY:
            raise ValueError("current limit exceeds maximum limit")
        asked.append(limits)

    monkeypatch.setattr(resource, "getrlimit", lambda kind: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", set_limit)
    assert raise_file_limit() == 10_240
    assert asked == [(10_240, resource.RLIM_INFINITY)]


def test_where_nothing_can_be_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def set_limit(kind: int, limits: tuple[int, int]) -> None:
        raise OSError("not permitted")

    monkeypatch.setattr(resource, "getrlimit", lambda kind: (256, 4096))
    monkeypatch.setattr(resource, "setrlimit", set_limit)
    assert raise_file_limit() == 256


def test_limits_are_those_of_the_settings() -> None:
    asked = {
        "max_connections": 7,
        "max_url_bytes": 2000,
        "max_header_bytes": 3000,
        "header_timeout_seconds": 4.0,
        "keep_alive_seconds": 5.0,
        "send_timeout_seconds": 6.0,
    }
    limits = Limits.of(Settings.model_validate(asked))
    assert {name: getattr(limits, name) for name in asked} == asked


@pytest.mark.parametrize(("files", "most", "said"), [(600, 500, True), (100_000, 99_900, False)])
def test_there_are_no_more_connections_than_files(
    files: int,
    most: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    said: bool,
) -> None:
    monkeypatch.setattr("app.gateway.raise_file_limit", lambda: files)
    with open_front(Settings(bind="127.0.0.1:0")) as front:
        assert front.limits.max_connections == most
    assert ("ulimit -n" in caplog.text) == said
