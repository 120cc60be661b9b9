"""`kpi-stream watch`: a KPI in the terminal."""

from __future__ import annotations

import sys

import click

from ..environment import load_settings
from ..models import Channel, Period, parse_code, parse_period
from .running import own_url, plain_errors
from .watch import Watch


@click.command()
@click.argument("code")
@click.option("--period", type=click.Choice([p.value for p in Period]), default="minute")
@click.option("--url", default=None, help="Where the server is; default: KPI_BIND.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON.")
def watch(code: str, period: str, url: str | None, as_json: bool) -> None:
    """Show a KPI's value as it changes, reconnecting as a browser would."""
    with plain_errors():
        channel = Channel(parse_code(code), parse_period(period))
        address = url or own_url(load_settings())
        try:
            Watch(address, channel, sys.stdout, sys.stderr, as_json=as_json).run()
        except KeyboardInterrupt:
            return
