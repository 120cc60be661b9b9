"""What a server sets for its whole process."""

from __future__ import annotations

import gc
import resource

from app.server.collector import THRESHOLDS
from app.server.listening import raise_file_limit
from tests.server.stage import Stage, running


async def test_what_start_up_made_is_never_collected_again(stage: Stage) -> None:
    assert gc.get_freeze_count() == 0
    async with running(stage):
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold() == THRESHOLDS


def test_as_many_connections_as_the_system_allows() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        assert raise_file_limit() == hard
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
