"""The same tests on plain PostgreSQL and on TimescaleDB."""

from __future__ import annotations

import pytest

from app.data.database import Database
from app.data.timescale import backend as timescale
from app.settings import Settings

both_backends = pytest.mark.parametrize("backend", ["postgres", "timescale"], indirect=True)
"""Runs a test once on each: fixtures such as `database` and `settings` follow."""


async def settle(database: Database, settings: Settings) -> None:
    """Do what TimescaleDB's background jobs do each minute, so that late rows show.

    On plain PostgreSQL the views are right at any moment, and there is nothing to do.
    """
    async with database.connection() as connection:
        if await timescale.usable(connection):
            await timescale.refresh(connection, settings)
