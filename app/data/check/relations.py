"""What the table and the three views are, as far as this role may see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..database import Connection


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view: its kind as in pg_class, its columns' types, and what a view was made of.

    `readable` is for this role; `filled` is False for a materialised view that never was.
    """

    kind: str
    columns: Mapping[str, str]
    definition: str
    readable: bool
    filled: bool


async def relations(connection: Connection, queries: Any) -> dict[str, Relation]:
    """Return those that there are, by name."""
    return {
        row["name"]: Relation(
            row["kind"],
            json.loads(row["columns"] or "{}"),
            row["definition"] or "",
            row["readable"],
            row["filled"],
        )
        async for row in queries.relations(connection)
    }
