"""What can be wrong with plain PostgreSQL's rollups, and with the table of raw rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from ...settings import Settings
from ..database import Connection
from ..timescale.zone import same_zone
from .findings import Finding, error, mend, warning
from .shape import INIT

MANY_DIRTY = 1_000_000


async def check_rights(connection: Connection, queries: Any, role: str) -> AsyncIterator[Finding]:
    """Yield that this role cannot keep the rollups."""
    row = await queries.rollup_rights(connection)
    if not row["may_keep"]:
        yield warning(
            f"the role {role} may not keep the rollups: unless another kpi-stream does, as a role "
            f"that may, the log of changes grows (now {row['kilobytes']:,} kB) and reading gets "
            "slower",
            mend("keep_rights", role=role),
        )


async def check_triggers(connection: Connection, queries: Any) -> AsyncIterator[Finding]:
    """Yield that what is written goes unseen."""
    if await queries.triggers(connection) < 4:
        yield error(
            "a trigger that notes changed rows of kpi_raw_data is missing or switched off: what "
            "is written goes unseen",
            mend("triggers"),
        )


async def check_backlog(connection: Connection, queries: Any) -> AsyncIterator[Finding]:
    """Yield that much waits to be added up."""
    if await queries.backlog(connection) > MANY_DIRTY:
        yield warning(
            f"more than {MANY_DIRTY:,} changes wait to be added up: reading gets slow; "
            "`kpi-stream serve` or `publish` works them off",
        )


async def check_zone(
    connection: Connection, queries: Any, settings: Settings
) -> AsyncIterator[Finding]:
    """Yield that the days are of another time zone."""
    zone = await queries.built_zone(connection)
    if zone is not None and not same_zone(zone, settings.timezone):
        yield error(
            f"the database's days begin in {zone}, KPI_TIMEZONE says {settings.timezone}", INIT
        )


async def check_raw(connection: Connection, queries: Any) -> AsyncIterator[Finding]:
    """Yield what the table of raw rows lets in, and that it has no index."""
    row = await queries.raw_guards(connection)
    if not row["filled"]:
        yield warning(
            "kpi_raw_data takes rows without a time, a code or a value, which count for nothing",
            mend("filled"),
        )
    if not row["finite"]:
        yield warning(
            "kpi_raw_data takes NaN and infinite values, which spoil each bucket they are in",
            mend("finite"),
        )
    if not row["indexed"]:
        yield warning(
            "kpi_raw_data has no index that begins with kpi_code or timestamp: each look at it "
            "reads all of it",
            mend("index"),
        )
