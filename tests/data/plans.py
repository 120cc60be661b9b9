"""The plans that PostgreSQL makes for what a repository asks."""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Iterator
from typing import Any

import pytest

from app.data import repository as module
from app.data.database import fetch as plain


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a plan and all that is below it."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


async def plans_of(reading: Awaitable[Any], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the plan of each statement that a reading runs."""
    found = []

    async def fetch(connection: Any, statement: Any, **parameters: Any) -> Any:
        names = [name for name in inspect.signature(statement).parameters if name != "self"]
        said = await connection.fetchval(
            "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + statement.sql,
            *(parameters[name] for name in names),
        )
        found.append(json.loads(said)[0]["Plan"])
        return await plain(connection, statement, **parameters)

    with monkeypatch.context() as patch:
        patch.setattr(module, "fetch", fetch)
        await reading
    return found


def scanned(plan: dict[str, Any], relation: str = "") -> int:
    """Return how many rows the scans of a relation, or of all, have read."""
    return sum(
        round((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in nodes(plan)
        if node.get("Relation Name", "") and relation in ("", node["Relation Name"])
    )
