"""Reads a database, its own or another's, and says in plain words what is wrong or unsafe."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any

import asyncpg

from ...models import Period
from ...settings import Settings
from ..database import Connection, Database, load_queries, transaction_on
from ..timescale.catalog import VIEWS, aggregates, release
from . import rollups
from .findings import Finding, Severity, error, fine, mend, warning
from .numbers import Numbers
from .relations import Relation, relations
from .shape import Shapes
from .timescale import TimescaleLooks

__all__ = ["Finding", "Severity", "check"]

LOOK_SECONDS = 2.0
"""For each statement of a look; what takes longer is left out, and that is said."""

CLOCK_SECONDS = 2.0


async def check(database: Database, settings: Settings) -> list[Finding]:
    """Return what is found, errors first; there is at least one finding.

    Raises DatabaseUnavailableError.
    """
    async with database.connection() as connection:
        findings = await _Examination(connection, settings).findings()
    order = list(Severity)
    return sorted(findings, key=lambda finding: order.index(finding.severity))


class _Examination:
    """One look after another, each in a transaction and within a bound."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._queries = load_queries("check")
        self._bound = load_queries("check", {"{milliseconds}": str(round(LOOK_SECONDS * 1000))})
        self._found: list[Finding] = []
        self._hidden: set[str] = set()

    async def _look(self, what: str, findings: AsyncIterable[Finding]) -> list[Finding]:
        """Add what a look finds; say where it may not look, or takes too long."""
        try:
            async with transaction_on(self._connection):
                await self._bound.bound_look(self._connection)
                found = [finding async for finding in findings]
        except asyncpg.InsufficientPrivilegeError as denied:
            self._hidden.add(denied.message or "permission denied")
            return []
        except asyncpg.QueryCanceledError:
            found = [warning(f"{what} takes longer than {LOOK_SECONDS:.0f} s here: left out")]
        except (asyncpg.DataError, asyncpg.UndefinedFunctionError) as broken:
            found = [error(f"{what} cannot be read: {broken.message}")]
        except OverflowError:
            found = [
                error(f"{what} cannot be read: a time is before the year 1 or after the year 9999")
            ]
        self._found += found
        return found

    async def findings(self) -> list[Finding]:
        connection, queries, settings = self._connection, self._queries, self._settings
        there = await relations(connection, queries)
        installed = await release(connection)
        made = await aggregates(connection) if installed else {}
        behind: list[Any] = []
        has_rollups = bool(await queries.has_rollups(connection))
        looks = None
        if installed:
            weighed = {view for view, has in there.items() if "data_points" in has.columns}
            looks = TimescaleLooks(connection, settings, installed, weighed)
            behind = await looks.load()
        own = has_rollups or (bool(made) and all(a.ours for a in made.values()))

        made_here = {job["view"] for job in behind if job["is_the_view"]}
        usable = await self._shapes(there, own, made_here)
        await self._look("the clock", self._clock())
        if looks is not None and behind:
            for what, findings in looks.all():
                await self._look(what, findings)
        elif has_rollups:
            await self._rollups()
        await self._look("the catalogue", self._catalogue())
        if "kpi_raw_data" in there and own:
            await self._look("the raw table", rollups.check_raw(connection, queries))
        if usable:
            await self._numbers(there, own, looks.pending if looks else {})
        if self._hidden:
            self._found.append(
                warning(
                    f"not all can be seen as this role ({'; '.join(sorted(self._hidden))}): run "
                    "db check as the owner for the rest"
                )
            )
        return self._found

    async def _shapes(self, there: dict[str, Relation], own: bool, made: set[str]) -> bool:
        shapes = Shapes(there, self._settings, own=own, made=made)
        self._looked = shapes
        usable = True
        for view in VIEWS.values():
            found = await self._look(view, _each(shapes.look(view)))
            usable = usable and not any(f.severity is Severity.ERROR for f in found)
        for view, relation in there.items():
            if view in VIEWS.values():
                await self._look(view, _each(shapes.averaged(view, relation.definition)))
        return usable and all(there[view].readable for view in VIEWS.values())

    async def _rollups(self) -> None:
        connection, queries = self._connection, self._queries
        role = (await queries.clock(connection))["role"]
        for what, findings in (
            ("the rights", rollups.check_rights(connection, queries, role)),
            ("the triggers", rollups.check_triggers(connection, queries)),
            ("the log of changes", rollups.check_backlog(connection, queries)),
            ("the time zone", rollups.check_zone(connection, queries, self._settings)),
        ):
            await self._look(what, findings)

    async def _numbers(self, there: dict[str, Relation], own: bool, pending: Any) -> None:
        numbers = Numbers(self._connection, self._settings, there, pending, own=own)
        before = len([f for f in self._found if f.severity is Severity.ERROR])
        for period, view in VIEWS.items():
            found = await self._look(f"where {view} begins", numbers.placed(period))
            if not found:
                await self._look(f"comparing {view}", numbers.agreeing(period))
            await self._look(f"the codes of {view}", self._codes(numbers, period))
        await self._look("the newest rows", numbers.age())
        if before == len([f for f in self._found if f.severity is Severity.ERROR]):
            self._found.append(numbers.said())

    async def _codes(self, numbers: Numbers, period: Period) -> AsyncIterator[Finding]:
        odd, has_null = await numbers.codes(period)
        view = VIEWS[period]
        cure = self._looked.adapted(view, codes=True)
        if odd:
            shown = ", ".join(repr(code) for code in odd[:3])
            yield error(
                f"{view} has codes that cannot be served ({shown}): a code is 1 to 64 of the "
                "characters A-Z a-z 0-9 _ . -, and their rows are left out",
                cure,
            )
        elif has_null:
            yield warning(f"{view} has rows without a kpi_code, which are left out", cure)

    async def _catalogue(self) -> AsyncIterator[Finding]:
        if await self._queries.hides_catalogue(self._connection):
            role = (await self._queries.clock(self._connection))["role"]
            yield warning(
                f"the role {role} may not read kpi_catalog: KPIs show their codes, without name, "
                "unit and target",
                mend("catalogue_right", role=role),
            )

    async def _clock(self) -> AsyncIterator[Finding]:
        asked = time.time()
        row = await self._queries.clock(self._connection)
        ahead = row["now"] - (asked + time.time()) / 2
        word = "agree" if abs(ahead) < CLOCK_SECONDS else f"are {abs(ahead):.0f} s apart"
        yield fine(f"the clocks of the database and of this machine {word}; the database's counts")
        if row["float_digits"] < 1:
            yield error(
                "extra_float_digits is below 1: values are rounded when they are added up",
                mend("float_digits", database=row["database"]),
            )


async def _each(findings: Iterable[Finding]) -> AsyncIterator[Finding]:
    for finding in findings:
        yield finding
