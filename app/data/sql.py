"""Loads the statements in `queries/`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import aiosql
import asyncpg

from .faults import Connection

QUERIES = Path(__file__).resolve().parents[2] / "queries"


def load_queries(name: str, replace: Mapping[str, str] | None = None) -> Any:
    """Return the statements of `queries/<name>.sql` as methods, some of its words replaced.

    A file is read and parsed once for each set of words.
    """
    return _parsed(name, tuple((replace or {}).items()))


@cache
def _parsed(name: str, replace: tuple[tuple[str, str], ...]) -> Any:
    text = load_text(name)
    for word, by in replace:
        text = text.replace(word, by)
    return aiosql.from_str(text, "asyncpg", mandatory_parameters=False)


@cache
def load_text(name: str) -> str:
    """Return what `queries/<name>.sql` says, as it is."""
    return (QUERIES / f"{name}.sql").read_text(encoding="utf-8")


def literal(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


async def fetch(connection: Connection, statement: Any, **parameters: Any) -> list[asyncpg.Record]:
    """Return all rows of one of the statements that `load_queries` returned, as a list.

    aiosql would hand them on one by one, which takes as long as getting them.
    """
    names = [name for name in inspect.signature(statement).parameters if name != "self"]
    return await connection.fetch(statement.sql, *(parameters[name] for name in names))
