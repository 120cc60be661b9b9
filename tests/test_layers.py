"""The shape of the code: who imports what, where SQL and the environment are, file lengths."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "app").rglob("*.py"))
SOURCES = sorted(
    path
    for folder, pattern in (("app", "*.py"), ("tests", "*.py"), ("queries", "*.sql"))
    for path in (ROOT / folder).rglob(pattern)
)

# Each imports only from those before it; what else is in app/ is either below or above them all.
WINGS = ("app.data", "app.live", "app.access", "app.service", "app.http", "app.server")
BELOW_ALL = (
    "app",
    "app.backoff",
    "app.bind",
    "app.cancellation",
    "app.errors",
    "app.grid",
    "app.metrics",
    "app.models",
    "app.origins",
    "app.pg_variables",
    "app.release",
    "app.setting_errors",
    "app.setting_types",
    "app.settings",
    "app.wording",
)
HOMES = {"asyncpg": "app.data", "quart": "app.http", "hypercorn": "app.server"}

SQL = re.compile(
    r"""\b(?:
        SELECT\s+\S | INSERT\s+INTO | UPDATE\s+\w+\s+SET | DELETE\s+FROM | TRUNCATE\s+\w
        | (?:CREATE|ALTER|DROP)\s+(?:OR\s+REPLACE\s+)?(?:UNIQUE\s+)?
          (?:DATABASE|EXTENSION|FUNCTION|INDEX|ROLE|SCHEMA|TABLE|TRIGGER|VIEW|MATERIALIZED)
        | SET\s+(?:LOCAL\s+)?\w+\s*(?:=|TO)\s | (?:LISTEN|NOTIFY|CALL)\s+\w+
    )""",
    re.VERBOSE,
)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            # `from . import errors` names a module as well as `from .errors import …`.
            origin = absolute(path, node)
            yield from (f"{origin}.{name.name}" for name in node.names)


def absolute(path: Path, node: ast.ImportFrom) -> str:
    """Return the module or package that a `from … import` names, whatever dots it begins with."""
    if node.level == 0:
        return node.module or ""
    parts = path.relative_to(ROOT).parts
    return ".".join([*parts[: len(parts) - node.level], *filter(None, [node.module])])


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def rank(name: str) -> int:
    for place, wing in enumerate(WINGS, start=1):
        if is_in(name, wing):
            return place
    below = any(is_in(name, low) for low in BELOW_ALL if low != "app") or name == "app"
    return 0 if below else len(WINGS) + 1


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield every string of the file that is not a docstring, with its line."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree(path))
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree(path)):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                yield node.lineno, text


def broken(find: Callable[[Path], list[Found]], paths: Iterable[Path]) -> dict[str, list[Found]]:
    """Return what a rule's look finds, by file: one test looks at all of them."""
    found = {str(path.relative_to(ROOT)): find(path) for path in paths}
    return {name: wrong for name, wrong in found.items() if wrong}


def test_imports_go_down() -> None:
    def upward(path: Path) -> list[str]:
        own = rank(module(path))
        return [name for name in imports(path) if is_in(name, "app") and rank(name) > own]

    assert broken(upward, MODULES) == {}


def test_imports_of_our_own_are_relative() -> None:
    """The installed package has another name than the folder, so `app` must never be written."""

    def absolute_ones(path: Path) -> list[int]:
        nodes = (node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom))
        return [n.lineno for n in nodes if n.level == 0 and is_in(n.module or "", "app")]

    def named(path: Path) -> list[tuple[int, str]]:
        return [(line, text) for line, text in strings(path) if is_in(text, "app")]

    assert broken(absolute_ones, MODULES) == {}
    assert broken(named, MODULES) == {}


def test_each_library_has_one_home() -> None:
    def strangers(path: Path) -> list[str]:
        return [
            name
            for name in imports(path)
            for library, home in HOMES.items()
            if is_in(name, library) and not is_in(module(path), home)
        ]

    assert broken(strangers, MODULES) == {}


def test_only_settings_read_the_environment() -> None:
    def reads(path: Path) -> list[str]:
        names = {"environ", "environb", "getenv"}
        nodes = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute))
        imported = [name for name in imports(path) if name in {f"os.{each}" for each in names}]
        return imported + [f"line {node.lineno}" for node in nodes if node.attr in names]

    others = [path for path in MODULES if module(path) != "app.environment"]
    assert broken(reads, others) == {}


def test_sql_lives_in_queries() -> None:
    def sql(path: Path) -> list[tuple[int, str]]:
        return [(line, text) for line, text in strings(path) if SQL.search(text)]

    assert broken(sql, MODULES) == {}


def test_no_file_is_long() -> None:
    def excess(path: Path) -> list[int]:
        most = 300 if ROOT / "app" in path.parents else 400
        lines = len(path.read_text(encoding="utf-8").splitlines())
        return [lines] if lines > most else []

    assert broken(excess, SOURCES) == {}


def test_the_rules_see_what_they_forbid() -> None:
    assert rank("app.models.Period") < rank("app.data.x") < rank("app.live.x") < rank("app.service")
    assert rank("app.service") < rank("app.http.x") < rank("app.server.x") < rank("app.cli")
    for text in ("SELECT 1", "INSERT INTO a", "CREATE OR REPLACE VIEW a", "SET LOCAL a = 1"):
        assert SQL.search(text)
