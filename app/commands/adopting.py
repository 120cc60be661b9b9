"""`kpi-stream adopt`: from a table of one's own to live KPIs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import click

from ..data import schema
from ..data.adopting import RULE, Adopter, Adoption, Table
from ..data.database import Database
from ..data.repository import Repository
from ..errors import AdoptionError
from ..settings import Settings
from ..wording import counted

Run = Callable[[Callable[[Settings], Coroutine[Any, Any, None]]], None]

_SHOWN_CODES = 8
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC)


def install(main: click.Group, run: Run) -> None:
    """Add the command; `run` runs its work with the settings and a database."""

    @main.command()
    @click.argument("table", required=False)
    @click.option("--time", "time_column", help="The column with the time.")
    @click.option("--code", help="What makes the code, such as plant.{machine}.{column}.")
    @click.option("--value", "values", multiple=True, help="A column with values; may be repeated.")
    @click.option("--zone", default="UTC", help="Of times that have none; default: UTC.")
    @click.option(
        "--milliseconds", is_flag=True, help="A time that is a number is in milliseconds."
    )
    @click.option("--yes", is_flag=True, help="Ask nothing; take what is likely.")
    @click.option("--dry-run", is_flag=True, help="Show the SQL, and change nothing.")
    def adopt(
        table: str | None,
        time_column: str | None,
        code: str | None,
        values: tuple[str, ...],
        zone: str,
        milliseconds: bool,
        yes: bool,
        dry_run: bool,
    ) -> None:
        """Show a TABLE (or view) of your own as KPIs, such as measurements(ts, machine, rpm).

        What is not given is asked for. The SQL is shown before anything is changed: three views,
        and an index for each; on a hypertable continuous aggregates with their refresh jobs.
        """

        async def work(settings: Settings) -> None:
            async with Database(settings) as database:
                adopter = Adopter(database, settings)
                replaces = await adopter.replaces()
                found = await _table(adopter, table, yes)
                adoption = _adoption(
                    found, time_column, code, values, zone, milliseconds=milliseconds, yes=yes
                )
                _show_sample(await adopter.sample(adoption))
                statements = adoption.statements(settings.timezone, replaces=replaces)
                click.echo("\n\n".join(statements))
                if dry_run or not (yes or click.confirm("Run this?", err=True)):
                    return
                await adopter.run(adoption, statements)
                await schema.init(database, settings)
                buckets, seconds = await adopter.cost(adoption)
                codes = sorted(await Repository(database, settings).codes())
                click.echo(
                    f"{found.name} is adopted: adding up its newest day takes {seconds:.2f} s and "
                    f"gives {counted(buckets, 'minute')}. "
                    f"`kpi-stream serve` shows {_listed(codes)}.",
                    err=True,
                )

        run(work)


async def _table(adopter: Adopter, name: str | None, yes: bool) -> Table:
    if name is None:
        tables = await adopter.tables()
        if not tables or yes:
            raise AdoptionError(f"name the table or view; there are {_listed(tables)}")
        name = click.prompt("Table", default=tables[0], err=True)
    return await adopter.table(str(name))


def _adoption(
    table: Table,
    time_column: str | None,
    code: str | None,
    values: tuple[str, ...],
    zone: str,
    *,
    milliseconds: bool,
    yes: bool,
) -> Adoption:
    """Return what to do, asking for what was not given."""

    def ask(question: str, likely: str) -> str:
        return likely if yes else str(click.prompt(question, default=likely, err=True))

    if time_column is None:
        times = table.times()
        if not times:
            raise AdoptionError(f"{table.name} has no column with a time; name it with --time")
        time_column = ask("Column with the time", times[0])
    if not values:
        likely = table.values(time_column)
        if not likely:
            raise AdoptionError(f"{table.name} has no column with numbers")
        answer = ask("Columns with values, separated by commas", ",".join(likely))
        values = tuple(name.strip() for name in answer.split(",") if name.strip())
    if code is None:
        names = [f"{{{name}}}" for name in table.names(time_column, values)]
        last = ["{column}"] if len(values) > 1 or not names else []
        code = ask("Code", ".".join(names + last))
    return Adoption(table, time_column, code, values, zone, milliseconds)


def _show_sample(rows: list[tuple[datetime | None, str]]) -> None:
    codes = sorted({code for _, code in rows})
    times = [at for at, _ in rows if at is not None]
    click.echo(f"Codes such as {_listed(codes)}.", err=True)
    click.echo(RULE, err=True)
    if times and max(times) < _OLDEST:
        click.echo("The times are before 1990: are they in milliseconds, or of another column?")


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN_CODES
    return ", ".join(names[:_SHOWN_CODES]) + (f" and {more} more" if more > 0 else "") or "none"
