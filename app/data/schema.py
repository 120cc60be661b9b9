"""Creates what the contract says a database has; safe to run again, and by several at once."""

from __future__ import annotations

import hashlib
from typing import Any

import asyncpg

from ..errors import ConfigurationError
from ..settings import Settings
from .database import Connection, Database, load_queries, load_text
from .timescale import backend as timescale

INIT_SECONDS = 3600.0
"""For each statement: the first time, all raw rows that are there are looked at."""

SCHEMA = 2
"""The number of the tables and views that this release makes; 1 is the first release's."""

_COARSE = ("hour", "day")


READY = "The database is ready."
FOREIGN = (
    "The views kpi_values_… are not of this project's making and stay as they are; "
    "kpi-stream db check says whether they can be served."
)

_RAW_TYPES = {
    "timestamp": {"timestamp with time zone"},
    "kpi_code": {"text", "character varying"},
    "value": {"double precision", "real", "numeric", "bigint", "integer", "smallint"},
}


_CURES = {"timestamp": "timestamptz", "kpi_code": "text", "value": "double precision"}
_NAIVE = "timestamp without time zone"


async def init(database: Database, settings: Settings) -> str:
    """Create tables, aggregates and views for the backend at hand, in the settings' time zone.

    Days of another time zone are made anew. Views of somebody else's are left as they are. Return
    what was done, as a sentence. Raises DatabaseUnavailableError, ConfigurationError.
    """
    shared = load_queries("schema")
    async with database.session(INIT_SECONDS) as connection:
        await shared.lock_schema_for_session(connection)
        found = await _schema(connection, shared)
        await _require_known_zone(connection, settings.timezone)
        await _require_raw_columns(connection, shared)
        aggregates = await _continuous_aggregates(connection, shared)
        await shared.create_catalog(connection)
        if await shared.catalog_is_old(connection):
            await shared.complete_catalog(connection)
        tokens = load_queries("tokens")
        await tokens.create_tokens(connection)
        await tokens.create_secrets(connection)
        await load_queries("boards").create_boards(connection)
        if await shared.has_foreign_views(connection) and (
            not aggregates or await timescale.is_foreign(connection, settings)
        ):
            return FOREIGN
        await shared.create_raw_table(connection)
        if not await shared.has_raw_index(connection):
            await shared.create_raw_index(connection)
        await shared.create_facts(connection)
        await shared.create_writes(connection)
        if aggregates:
            await timescale.apply(connection, settings)
            await shared.put_fact(connection, name="timezone", value=settings.timezone)
        else:
            if found < SCHEMA:
                await _upgrade_rollups(connection)
            async with connection.transaction():
                await _create_rollups(connection, shared, settings)
        await shared.put_fact(connection, name="schema", value=str(SCHEMA))
        return READY


async def _require_raw_columns(connection: Connection, shared: Any) -> None:
    """Raise ConfigurationError where a table of raw rows is there that could not be added up."""
    found = {row["name"]: row["type"] async for row in shared.raw_types(connection)}
    for name, types in _RAW_TYPES.items():
        kind = found.get(name)
        if not found or kind in types:
            continue
        if kind is None:
            raise ConfigurationError(
                f"the table kpi_raw_data is there and has no column {name}: give it one, or "
                "rename the table; nothing was changed"
            )
        words = {"{name}": name, "{type}": _CURES[name]}
        cures = load_queries("schema", words)
        cure, note = cures.change_type.sql, ""
        if kind == _NAIVE:
            cure, note = cures.change_time.sql, ", with the zone of its times in the place of UTC"
        raise ConfigurationError(
            f"kpi_raw_data.{name} is {kind}, and nothing was changed: run {cure.rstrip(';')}{note}"
        )


async def _continuous_aggregates(connection: Connection, shared: Any) -> bool:
    """Whether TimescaleDB keeps the aggregates, after installing it where that can be done."""
    # A database that began as plain PostgreSQL stays so when the extension comes later.
    if await load_queries("postgres").has_rollups(connection):
        return False
    if await shared.may_create_timescale(connection):
        await shared.create_timescale(connection)
    return await timescale.usable(connection)


async def _create_rollups(connection: Connection, shared: Any, settings: Settings) -> None:
    version = _version(settings.timezone)
    if await shared.fact(connection, name="rollups") == version:
        # Replacing a trigger would make all writers wait.
        return
    own = load_queries("postgres", {"{timezone}": _literal(settings.timezone)})
    await own.lock_rollups(connection)
    fresh = not await own.has_rollups(connection)
    built_for = await shared.fact(connection, name="timezone")
    await own.create_rollups(connection)
    await own.create_functions(connection)
    await own.create_triggers(connection)
    await own.create_minute_view(connection)
    await own.create_refresh_minutes(connection)
    for period in _COARSE:
        coarse = load_queries("postgres_coarse", {"{period}": period})
        await coarse.create_view(connection)
        await coarse.create_refresh(connection)
    if fresh:
        await own.note_everything(connection)
    elif built_for != settings.timezone:
        await own.note_all_days(connection)
    await shared.put_fact(connection, name="timezone", value=settings.timezone)
    await shared.put_fact(connection, name="rollups", value=version)


async def _upgrade_rollups(connection: Connection) -> None:
    """Give the rollups of the first release what they lack, while they are read as before."""
    if not await load_queries("postgres").has_rollups(connection):
        return
    queries = load_queries("upgrade")
    await queries.lock_refreshes(connection)
    await queries.create_last_values(connection)
    await queries.fill_last_minutes(connection)
    await queries.fill_last_hours(connection)
    await queries.fill_last_days(connection)


async def _schema(connection: Connection, shared: Any) -> int:
    """Return the number of the schema that is there; raises ConfigurationError for a newer one."""
    if not await shared.has_facts(connection):
        return 1
    found = int(await shared.fact(connection, name="schema") or 1)
    if found > SCHEMA:
        raise ConfigurationError(
            f"a newer kpi-stream has made this database (its schema is {found}, this release knows "
            f"up to {SCHEMA}): nothing was changed; upgrade kpi-stream"
        )
    return found


async def _require_known_zone(connection: Connection, zone: str) -> None:
    try:
        await load_queries("schema").local_time(connection, zone=zone)
    except asyncpg.InvalidParameterValueError as error:
        raise ConfigurationError(f"the database does not know KPI_TIMEZONE: {error}") from error


def _version(zone: str) -> str:
    """Return what tells these rollups from those of another release or time zone."""
    text = zone.join(map(load_text, ("postgres", "postgres_coarse")))
    return hashlib.sha256(text.encode()).hexdigest()


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


async def check_zone(database: Database, settings: Settings) -> None:
    """Raise ConfigurationError where the days in the database are of another time zone."""
    shared = load_queries("schema")

    async def built_for(connection: Connection) -> str | None:
        if not await shared.has_facts(connection):
            return None
        zone: str | None = await shared.fact(connection, name="timezone")
        return zone

    zone = await database.read(built_for)
    if zone is not None and zone != settings.timezone:
        raise ConfigurationError(
            f"the days in this database are of {zone}, KPI_TIMEZONE is {settings.timezone}; "
            "run kpi-stream db init to make them anew"
        )
