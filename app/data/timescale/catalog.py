"""What a database says of its TimescaleDB: the release, and the aggregates behind the views."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ...models import STORED_PERIODS
from ..database import Connection, load_queries
from .zone import zone_of

VIEWS = {period: f"kpi_values_{period.value}" for period in STORED_PERIODS}

FORCE_SINCE = (2, 18)
"""The first release whose refresh can be told to disregard its log of changes."""

BATCHES_SINCE = (2, 19)
"""The first release whose refresh jobs can work in batches, and do from 2.21 on."""

OPTIONS_SINCE = (2, 28)
"""The first release whose refresh works in batches when it is called, too."""


class Release(NamedTuple):
    """The installed TimescaleDB; `community` is whether its licence has continuous aggregates."""

    version: tuple[int, ...]
    text: str
    community: bool

    @property
    def forces(self) -> bool:
        """Whether a refresh can be told to disregard the log of changes."""
        return self.version >= FORCE_SINCE

    def queries(self) -> Any:
        """Return the statements of `queries/timescale.sql` as this release understands them."""
        whole = self.version >= BATCHES_SINCE
        called_whole = self.version >= OPTIONS_SINCE
        return load_queries(
            "timescale",
            {
                "{batch}": ", buckets_per_batch => 0" if whole else "",
                "{options}": """, options => '{"buckets_per_batch": 0}'""" if called_whole else "",
            },
        )


class Aggregate(NamedTuple):
    """A continuous aggregate behind one of the views; `ours` if this project would write it so."""

    view: str
    definition: str
    materialized_only: bool
    ours: bool

    @property
    def zone(self) -> str:
        """The time zone its days begin in."""
        return zone_of(self.definition)


async def release(connection: Connection) -> Release | None:
    """Return what is installed; None on plain PostgreSQL."""
    row = await load_queries("timescale").timescale_release(connection)
    if row is None:
        return None
    version = tuple(int(part) for part in re.findall(r"\d+", row["version"])[:3])
    return Release(version, row["version"], row["license"] == "timescale")


async def aggregates(connection: Connection) -> dict[str, Aggregate]:
    """Return the continuous aggregates behind the three views, by view."""
    rows = [row async for row in load_queries("timescale").continuous_aggregates(connection)]
    return {
        row["view_name"]: Aggregate(
            row["view_name"],
            row["definition"],
            row["materialized_only"],
            "sum_value" in row["definition"],
        )
        for row in rows
    }
