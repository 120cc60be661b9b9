"""A TimescaleDB as `db init` makes it, for its own tests."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from app.data import schema
from app.data.database import Database, load_queries
from app.data.timescale import backend as timescale
from app.data.timescale.catalog import Aggregate, aggregates
from app.settings import Settings
from tests.world import execute, fetch

QUERIES = load_queries("timescale")


RAW = """
    INSERT INTO kpi_raw_data
    SELECT at + part * INTERVAL '20 seconds', 'a', part + 0.1
    FROM generate_series($1::timestamptz, $2::timestamptz, $3::interval) AS at,
        generate_series(0, 2) AS part
"""


def make(url: str, **changes: Any) -> Settings:
    return Settings(database_url=SecretStr(url), **changes)


async def init(url: str, **changes: Any) -> None:
    settings = make(url, **changes)
    async with Database(settings) as database:
        await schema.init(database, settings)


async def views(database: Database) -> dict[str, Aggregate]:
    async with database.connection() as connection:
        return await aggregates(connection)


async def policies(database: Database) -> dict[str, dict[str, Any]]:
    rows = await fetch(database, QUERIES.refresh_policies.sql)
    return {row["view_name"]: dict(row) for row in rows}


async def points(database: Database) -> dict[str, int]:
    rows = await fetch(
        database,
        """
        SELECT 'minute' AS view, sum(data_points) AS points FROM kpi_values_minute
        UNION ALL SELECT 'hour', sum(data_points) FROM kpi_values_hour
        UNION ALL SELECT 'day', sum(data_points) FROM kpi_values_day
        """,
    )
    return {row["view"]: int(row["points"] or 0) for row in rows}


async def refresh(database: Database, settings: Settings, **span: Any) -> None:
    async with database.connection() as connection:
        await timescale.refresh(connection, settings, **span)


async def execute_rows(database: Database, first: str, last: str, step: str) -> None:
    await execute(
        database,
        RAW.replace("$1", f"'{first}'").replace("$2", f"'{last}'").replace("$3", f"'{step}'"),
    )
