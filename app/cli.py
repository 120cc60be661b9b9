"""The command line, put together from its commands."""

from __future__ import annotations

import logging
import sys

import click

from .commands import adopting, catalogue
from .commands.database import db
from .commands.importing import import_
from .commands.running import run
from .commands.token import token
from .commands.watching import watch


class Commands(click.Group):
    """Commands, of which those that serve are imported when they are asked for.

    To import the web server takes longer than most of the others take altogether.
    """

    _SERVING = ("demo", "publish", "serve")

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(context), *self._SERVING])

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return the command of that name, or None."""
        if name not in self._SERVING:
            return super().get_command(context, name)
        from .commands import serving

        command: click.Command = getattr(serving, name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kpi-stream")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def main(verbose: bool) -> None:
    """Real-time KPI dashboards over Server-Sent Events.

    Settings come from KPI_* variables and .env; .env.example lists them all.
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


for command in (db, token, import_, watch):
    main.add_command(command)
catalogue.install(main, run)
adopting.install(main, run)
