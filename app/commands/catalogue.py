"""`kpi-stream kpi` and `kpi-stream catalog`: what is told of the KPIs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
import yaml

from ..data.database import Database
from ..data.description import (
    ATTRIBUTES,
    CatalogueEditor,
    Change,
    Description,
    check_formulas,
    checked,
)
from ..data.repository import Repository
from ..errors import InvalidDescriptionError, UnknownKpiError
from ..models import Aggregate
from ..settings import Settings
from ..wording import counted

Run = Callable[[Callable[[Settings], Coroutine[Any, Any, None]]], None]


def install(main: click.Group, run: Run) -> None:
    """Add the commands; `run` runs their work with the settings and a database."""

    @main.group()
    def kpi() -> None:
        """List, describe or forget KPIs."""

    @kpi.command("list")
    def kpi_list() -> None:
        """List the KPIs that the catalogue or the data knows."""

        async def work(settings: Settings) -> None:
            async with Database(settings) as database:
                for entry in await Repository(database, settings).catalogue():
                    made = entry.formula or entry.aggregate.value
                    unit = f" ({entry.unit})" if entry.unit else ""
                    click.echo(f"{entry.code}\t{entry.name}{unit}\t{made}")

        run(work)

    @kpi.command("set")
    @click.argument("code")
    @click.option("--name", help="What people call it.")
    @click.option("--unit", help="Such as % or kg.")
    @click.option("--decimals", help="How many are shown, 0 to 15.")
    @click.option("--direction", help="The better one: up or down.")
    @click.option("--target", help="The value to reach.")
    @click.option("--warning", help="From where a missed target is bad.")
    @click.option("--aggregate", help=f"One of {', '.join(Aggregate)}; without one avg.")
    @click.option("--formula", help="Such as '100 * sum(perfect_orders) / sum(orders)'.")
    @click.option("--group", help="What it is listed under.")
    @click.option("--description", help="A sentence or two.")
    @click.option("--lower", help="Where its gauge begins.")
    @click.option("--upper", help="Where its gauge ends.")
    def kpi_set(code: str, **told: str | None) -> None:
        """Describe a KPI; what is not named stays, and an empty text ('') unsets."""

        async def work(settings: Settings) -> None:
            async with Database(settings) as database:
                editor = CatalogueEditor(database)
                there = await editor.read()
                before = there.get(code)
                wanted = {name: value for name, value in told.items() if value is not None}
                if wanted.get("formula"):
                    wanted.setdefault("aggregate", "")
                elif wanted.get("aggregate"):
                    wanted.setdefault("formula", "")
                after = checked(code, {**(before or {}), **wanted})
                codes = await Repository(database, settings).codes()
                check_formulas(there | {code: after}, codes)
                await _write(editor, [Change(code, before, after)])
                _tell_without_values([Change(code, before, after)], codes)

        run(work)

    @kpi.command("remove")
    @click.argument("code")
    def kpi_remove(code: str) -> None:
        """Forget what was told of a KPI; its numbers stay, and are averages again."""

        async def work(settings: Settings) -> None:
            async with Database(settings) as database:
                editor = CatalogueEditor(database)
                there = await editor.read()
                if code not in there:
                    raise UnknownKpiError(f"the catalogue has no {code}")
                rest = {name: each for name, each in there.items() if name != code}
                # Its own entry alone does not make it known any more; rows of it do.
                check_formulas(rest, await Repository(database, settings).codes())
                await _write(editor, [Change(code, there[code], None)])

        run(work)

    @main.group()
    def catalog() -> None:
        """Keep the catalogue in a file."""

    @catalog.command("load")
    @click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
    @click.option("--yes", is_flag=True, help="Do not ask before anything is changed.")
    @click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
    def catalog_load(file: Path, yes: bool, dry_run: bool) -> None:
        """Make the catalogue equal to a YAML FILE: KPIs that it does not name are forgotten.

        The file maps codes to name, unit, decimals, direction, target, warning, aggregate,
        formula, group, description, lower and upper.
        """

        async def work(settings: Settings) -> None:
            wanted = read_file(file)
            async with Database(settings) as database:
                editor = CatalogueEditor(database)
                there = await editor.read()
                codes = await Repository(database, settings).codes()
                check_formulas(wanted, codes)
                changes = [
                    Change(code, there.get(code), wanted.get(code))
                    for code in sorted(there.keys() | wanted.keys())
                    if there.get(code) != wanted.get(code)
                ]
                for change in changes:
                    click.echo("\n".join(change.lines()))
                if dry_run or not changes:
                    click.echo(f"To be changed: {counted(len(changes), 'KPI')}.", err=True)
                elif yes or click.confirm(f"Change {counted(len(changes), 'KPI')}?", err=True):
                    await _write(editor, changes)
                _tell_without_values(changes, codes)

        run(work)


def read_file(file: Path) -> dict[str, Description]:
    """Return what a YAML file says of each KPI; raise InvalidDescriptionError."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidDescriptionError(f"{file} is no YAML: {error}") from None
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise InvalidDescriptionError(
            f"{file} does not map codes to what they are, such as `orders: {{aggregate: sum}}`"
        )
    found = {}
    for code, told in content.items():
        if not isinstance(told, dict | None):
            raise InvalidDescriptionError(
                f"{code}: what is told of it is no mapping of {', '.join(ATTRIBUTES)}"
            )
        found[str(code)] = checked(str(code), told or {})
    return found


async def _write(editor: CatalogueEditor, changes: list[Change]) -> None:
    await editor.write(changes)
    for change in changes:
        word = "removed" if change.after is None else "set"
        click.echo(f"{change.code} is {word}.", err=True)


def _tell_without_values(changes: list[Change], codes: set[str]) -> None:
    """Say which KPIs that were set have no values: their rows come later, or a code is misspelt."""
    for change in changes:
        if change.after is None or change.after.get("formula") or change.code in codes:
            continue
        near = get_close_matches(change.code, codes, n=1)
        meant = f"; {near[0]} has some" if near else ""
        click.echo(
            f"{change.code} has no values yet{meant}. A minute counts once it is complete.",
            err=True,
        )
