"""The command line, put together from its commands."""

from __future__ import annotations

import logging
import sys

import click

from .commands import adopting, catalogue
from .commands.database import db
from .commands.importing import import_
from .commands.running import run
from .commands.serving import demo, publish, serve
from .commands.token import token
from .commands.watching import watch


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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


for command in (demo, serve, publish, db, token, import_, watch):
    main.add_command(command)
catalogue.install(main, run)
adopting.install(main, run)
