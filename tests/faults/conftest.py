"""The report of the faults that were made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from tests.faults.report import KEY, Outcome, table
from tests.faults.world import World, open_world
from tests.soaking import SOAKING

Record = Callable[[Outcome], None]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    """A gateway, its database and its listeners, for the tests of one file."""
    async with open_world() as opened:
        yield opened


@pytest.fixture
def record(record_property: Callable[[str, object], None]) -> Record:
    """Put a row into the report; it reaches it from whichever process runs the test."""

    def put(outcome: Outcome) -> None:
        print(outcome)
        record_property(KEY, outcome.cells())

    return put


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the report after a soak."""
    rows = [
        [str(cell) for cell in value]
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == KEY and isinstance(value, list)
    ]
    if rows and SOAKING:
        terminalreporter.section("faults made, and what they cost")
        for line in table(rows):
            terminalreporter.line(line)
