"""The page's pure logic, tested by Node's own runner: a test here for each file there."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parent / "units").glob("*.test.js"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
async def test_the_units_of(file: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        "node",
        "--test",
        "--test-reporter=tap",
        str(file),
        env=os.environ | {"LANG": "en_GB.UTF-8", "LC_ALL": "en_GB.UTF-8"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    passed = re.search(r"^# pass (\d+)$", said, re.MULTILINE)
    assert passed is not None and int(passed[1]) > 1, said


def test_there_are_units() -> None:
    assert len(FILES) >= 4
