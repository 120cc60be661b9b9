"""Reads a database, its own or another's, and says in plain words what is wrong or unsafe."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ...models import Period
from ...settings import Settings
from ..database import Connection, Database, load_queries
from ..timescale.catalog import VIEWS, aggregates, release
from ..timescale.zone import same_zone
from .findings import Finding, Severity, error, fine, mend, warning
from .timescale import check_timescale

__all__ = ["Finding", "Severity", "check"]

INIT = "kpi-stream db init"

SHAPE = {
    "bucket": {"timestamp with time zone"},
    "kpi_code": {"text", "character varying"},
    "avg_value": {"double precision", "real", "numeric"},
}
OPTIONAL = {
    "data_points": {"bigint", "integer", "numeric"},
    "min_value": {"double precision", "real", "numeric"},
    "max_value": {"double precision", "real", "numeric"},
}
LOOK_BACK = {Period.HOUR: "INTERVAL '1 day'", Period.DAY: "INTERVAL '3 days'"}
MANY_DIRTY = 1_000_000
CLOCK_SECONDS = 2.0

_AVG_OF_AVG = re.compile(r"\bavg\s*\(\(*(?:[\w\"]+\.)*\"?avg_value\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view: its kind as in pg_class, its columns' types, and what a view was made of."""

    kind: str
    columns: Mapping[str, str]
    definition: str


async def check(database: Database, settings: Settings) -> list[Finding]:
    """Return what is found, errors first; there is at least one finding.

    Raises DatabaseUnavailableError.
    """
    async with database.connection() as connection:
        findings = [finding async for finding in _look(connection, settings)]
    order = list(Severity)
    return sorted(findings, key=lambda finding: order.index(finding.severity))


async def _look(connection: Connection, settings: Settings) -> AsyncIterator[Finding]:
    queries = load_queries("check")
    relations = {
        row["name"]: Relation(
            row["kind"], json.loads(row["columns"] or "{}"), row["definition"] or ""
        )
        async for row in queries.relations(connection)
    }
    installed = await release(connection)
    made = await aggregates(connection) if installed else {}
    definitions = {name: relation.definition for name, relation in relations.items()}
    definitions |= {name: aggregate.definition for name, aggregate in made.items()}

    usable = True
    for view in VIEWS.values():
        for finding in _check_shape(view, relations.get(view)):
            usable = usable and finding.severity is not Severity.ERROR
            yield finding
        if _AVG_OF_AVG.search(definitions.get(view, "")):
            yield error(
                f"{view} is an average of averages: minutes with few rows count as much as those "
                "with many",
                mend("view_with_points", view=view),
            )
    for finding in await _check_clock(connection, queries):
        yield finding
    if installed and made:
        async for finding in check_timescale(connection, settings, installed, made):
            yield finding
    else:
        async for finding in _check_rollups(connection, queries, settings):
            yield finding
    if "kpi_raw_data" in relations:
        async for finding in _check_raw(connection, queries):
            yield finding
    if usable:
        async for finding in _check_numbers(connection, settings, relations):
            yield finding


def _check_shape(view: str, relation: Relation | None) -> Iterator[Finding]:
    if relation is None:
        yield error(f"the view {view} is missing", INIT)
        return
    for column, types in SHAPE.items():
        found = relation.columns.get(column)
        if found is None:
            yield error(f"{view} has no column {column}", INIT)
        elif found not in types:
            wanted = " or ".join(sorted(types))
            yield error(f"{view}.{column} is {found}, not {wanted}", INIT)
    for column, types in OPTIONAL.items():
        found = relation.columns.get(column)
        if found is None:
            yield fine(f"{view} has no {column}: it is served without")
        elif found not in types:
            yield error(f"{view}.{column} is {found}, not {' or '.join(sorted(types))}", INIT)


async def _check_clock(connection: Connection, queries: Any) -> list[Finding]:
    asked = time.time()
    row = await queries.clock(connection)
    ahead = row["now"] - (asked + time.time()) / 2
    word = "agree" if abs(ahead) < CLOCK_SECONDS else f"are {abs(ahead):.0f} s apart"
    findings = [
        fine(f"the clocks of the database and of this machine {word}; the database's counts")
    ]
    if row["float_digits"] < 1:
        findings.append(
            error(
                "extra_float_digits is below 1: values are rounded when they are added up",
                mend("float_digits", database=row["database"]),
            )
        )
    return findings


async def _check_rollups(
    connection: Connection, queries: Any, settings: Settings
) -> AsyncIterator[Finding]:
    if not await queries.has_rollups(connection):
        return
    row = await queries.rollups(connection)
    if row["triggers"] < 4:
        yield error(
            "a trigger that notes changed rows of kpi_raw_data is missing or switched off: what "
            "is written goes unseen",
            mend("triggers"),
        )
    if row["backlog"] > MANY_DIRTY:
        yield warning(
            f"more than {MANY_DIRTY:,} changes wait to be added up: reading gets slow; "
            "`kpi-stream serve` or `publish` works them off",
        )
    zone = await queries.built_zone(connection)
    if zone is not None and not same_zone(zone, settings.timezone):
        yield error(
            f"the database's days begin in {zone}, KPI_TIMEZONE says {settings.timezone}", INIT
        )


async def _check_raw(connection: Connection, queries: Any) -> AsyncIterator[Finding]:
    row = await queries.raw_guards(connection)
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


async def _check_numbers(
    connection: Connection, settings: Settings, relations: Mapping[str, Relation]
) -> AsyncIterator[Finding]:
    agree = True
    for period, view in VIEWS.items():
        zone = settings.timezone if period is Period.DAY else "UTC"
        has_points = "data_points" in relations[view].columns
        words = {
            "{view}": view,
            "{period}": period.value,
            "{points}": "v.data_points" if has_points else "NULL",
            "{length}": LOOK_BACK.get(period, ""),
        }
        queries = load_queries("check", words)
        if row := await queries.misplaced(connection, zone=zone):
            yield error(
                f"a bucket of {view} begins at {_moment(row['bucket'])}, where no {period} begins "
                f"in {zone}",
                INIT,
            )
            continue
        if row := await queries.repeated(connection):
            agree = False
            yield error(
                f"{view} has the bucket {_moment(row['bucket'])} of {row['kpi_code']} twice",
                _refresh(period, zone),
            )
        if row := await _unlike(connection, queries, period, zone, relations):
            agree = False
            made_of = "raw rows" if period is Period.MINUTE else "minutes"
            yield error(
                f"{view} says {row['said']} for {row['kpi_code']} at {_moment(row['bucket'])}, "
                f"its {made_of} say {row['wanted']}; if rows came late just now, look again in a "
                "minute",
                _refresh(period, zone),
            )
    if agree:
        yield fine("the newest buckets agree with the rows they are made of")


async def _unlike(
    connection: Connection,
    queries: Any,
    period: Period,
    zone: str,
    relations: Mapping[str, Relation],
) -> Any:
    if period is Period.MINUTE:
        raw = relations.get("kpi_raw_data")
        known = raw is not None and {"timestamp", "kpi_code", "value"} <= set(raw.columns)
        return await queries.unlike_raw(connection) if known else None
    if "data_points" not in relations[VIEWS[Period.MINUTE]].columns:
        return None
    return await queries.unlike_minutes(connection, zone=zone)


def _refresh(period: Period, zone: str) -> str:
    return mend("refresh", view=VIEWS[period], period=period.value, zone=zone, **{"from": "NULL"})


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"
