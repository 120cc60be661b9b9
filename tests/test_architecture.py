"""docs/architecture.md names files and functions that are there, and few enough of them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FILES = sorted(set(re.findall(r"`((?:app|queries|web)\b[\w/.]*)`", PAGE)))
SCREEN_LINES = 60


def defined(path: Path) -> set[str]:
    """Return the functions, classes and methods of a module."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = (n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
            names |= {f"{node.name}.{method.name}" for method in inner}
    return names


def sections() -> dict[str, str]:
    return dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n)*)", PAGE, re.MULTILINE))


@pytest.mark.parametrize("path", FILES)
def test_each_file_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_each_name_is_in_its_file() -> None:
    missing = []
    names = 0
    # A list item names a file and then what is in it, up to the next file.
    for path, text in re.findall(r"`(app/[\w/]+\.py)`((?:(?!`app/)[^#])*)", PAGE):
        for name in re.findall(r"`([A-Za-z_][\w.]*)`", text):
            names += 1
            if name not in defined(ROOT / path):
                missing.append(f"{name} in {path}")
    assert missing == []
    assert names > 25


def test_a_value_passes_through_seven_files() -> None:
    steps = re.findall(r"^\d+\. `(app/\S+)`", sections()["The way of a value"], re.MULTILINE)
    assert len(steps) == len(set(steps)) == 7


def test_the_page_fits_a_screen() -> None:
    assert len(PAGE.splitlines()) <= SCREEN_LINES
