"""`kpi-stream import`: raw rows from a file or a pipe."""

from __future__ import annotations

from pathlib import Path

import click

from ..data.importing.command import Outcome, import_rows, preview
from ..data.importing.layout import read_options
from ..settings import Settings
from .running import plain_errors, run


@click.command("import")
@click.argument("file")
@click.option("--columns", help="Its columns: time,code,value by position, or time=Datum by name.")
@click.option("--delimiter", help="What is between columns, such as ';' or tab.")
@click.option("--decimal", type=click.Choice([".", ","]), help="The decimal mark of values.")
@click.option("--encoding", help="Such as utf-8, utf-16 or cp1252.")
@click.option("--time", help="How times are written: iso, s, ms, excel or '%d.%m.%Y %H:%M'.")
@click.option("--zone", help="The zone of times without an offset, such as Europe/Berlin.")
@click.option("--dry-run", is_flag=True, help="Show how the first lines are understood.")
@click.option("--rejects", type=click.Path(path_type=Path), help="Where refused lines go.")
@click.option("--stop-at-first", is_flag=True, help="Stop at the first line that is refused.")
@click.option("--again", is_flag=True, help="Load the file from its start, whatever was loaded.")
def import_(
    file: str,
    rejects: Path | None,
    dry_run: bool,
    stop_at_first: bool,
    again: bool,
    **said: str | None,
) -> None:
    """Load raw rows from a FILE, or from standard input (-).

    CSV as most programs write it, also gz or zst: a row a line, or a column a KPI. What the file
    does not say is asked for by the option that says it. A file goes on where an earlier run
    stopped, so each of its rows is loaded once.

    The exit status is 0 if everything was loaded, 3 if some lines were refused, 4 if nothing was
    loaded; of a dry run, what it would be of the lines that are shown.
    """
    with plain_errors():
        options = read_options(said)
        if dry_run:
            lines, outcome = preview(file, options)
            click.echo("\n".join(lines))
            raise SystemExit(outcome)
    outcomes: list[Outcome] = []

    async def work(settings: Settings) -> None:
        outcomes.append(
            await import_rows(
                settings,
                file,
                options,
                rejects=rejects,
                stop_at_first=stop_at_first,
                again=again,
            )
        )

    run(work)
    raise SystemExit(outcomes[0])
