"""All faults at random: whoever listens ends up with what the database has, to the last bucket."""

from __future__ import annotations

import pytest

from tests.faults.chaos import open_chaos, plan
from tests.faults.conftest import Record
from tests.faults.report import Outcome
from tests.soaking import sized

pytestmark = pytest.mark.soak

SEEDS = range(1, 1 + sized(1, soak=200))
SECONDS = sized(5.0, soak=20.0)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_happens_nothing_is_lost_or_repeated(seed: int, record: Record) -> None:
    async with open_chaos() as chaos:
        try:
            await chaos.run(plan(seed, SECONDS))
            compared = await chaos.check()
        finally:
            print(f"seed {seed}", *chaos.account(), sep="\n")
    deeds = chaos.done.total()
    record(Outcome(f"chaos, seed {seed}", deeds, len(chaos.listeners), compared, 0, 0, chaos.took))
