"""Creates what the contract says a database has; safe to run again, and by several at once."""

from __future__ import annotations

from typing import Any

from app.data import timescale
from app.data.database import Connection, Database, load_queries
from app.errors import ConfigurationError
from app.settings import Settings


async def init(database: Database, settings: Settings) -> None:
    """Create tables, aggregates and views for the backend at hand, in the settings' time zone."""
    shared = load_queries("schema")
    async with database.transaction() as connection:
        await shared.lock_schema(connection)
        await shared.create_raw_table(connection)
        await shared.create_catalog(connection)
        await shared.create_facts(connection)
        # A database that began as plain PostgreSQL stays so when the extension comes later.
        rollups = await load_queries("postgres").has_triggers(connection)
        twin = not rollups and await timescale.usable(connection)
        if not twin:
            await _init_postgres(connection, shared, settings)
    if twin:
        async with database.connection() as connection:
            await timescale.apply(connection, settings)
            await shared.put_fact(connection, name="timezone", value=settings.timezone)


async def _init_postgres(connection: Connection, shared: Any, settings: Settings) -> None:
    zone = "'" + settings.timezone.replace("'", "''") + "'"
    own = load_queries("postgres", {":timezone": zone})
    fresh = not await own.has_triggers(connection)
    built_for = await shared.fact(connection, name="timezone")
    await own.create_rollups(connection)
    await own.create_day_function(connection)
    await own.create_triggers(connection)
    await own.create_views(connection)
    await own.create_refresh(connection)
    if fresh:
        await own.note_everything(connection)
    elif built_for != settings.timezone:
        await own.drop_days(connection)
    await shared.put_fact(connection, name="timezone", value=settings.timezone)


async def check_zone(database: Database, settings: Settings) -> None:
    """Raise ConfigurationError where the days in the database are of another time zone."""
    shared = load_queries("schema")
    async with database.connection() as connection:
        if not await shared.has_facts(connection):
            return
        built_for = await shared.fact(connection, name="timezone")
    if built_for is not None and built_for != settings.timezone:
        raise ConfigurationError(
            f"the days in this database are of {built_for}, KPI_TIMEZONE is {settings.timezone}; "
            "run kpi-stream db init to make them anew"
        )
