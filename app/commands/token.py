"""`kpi-stream token`: links for screens on walls."""

from __future__ import annotations

import click

from ..access.screens import screen_grants, screen_lines, screen_link
from ..data.database import Database
from ..data.token_store import TokenStore
from ..errors import ConfigurationError
from ..models import Period
from ..settings import Settings
from .running import run, say


@click.command()
@click.option("--screen", metavar="NAME", help="Make a link for a screen on a wall.")
@click.option("--kpi", "kpis", multiple=True, metavar="CODE", help="What it shows: code or 'a.*'.")
@click.option("--period", "periods", multiple=True, type=click.Choice([p.value for p in Period]))
@click.option("--board", metavar="SLUG", help="The only shared board that it may open.")
@click.option("--expires", default="365d", show_default=True, help="How long, such as 90d.")
@click.option("--url", default=None, help="Where the screen finds the server; default: KPI_BIND.")
@click.option("--revoke", metavar="NAME", help="Let the links of a screen count no more.")
@click.option("--list", "lists", is_flag=True, help="List the screens.")
def token(
    screen: str | None,
    kpis: tuple[str, ...],
    periods: tuple[str, ...],
    board: str | None,
    expires: str,
    url: str | None,
    revoke: str | None,
    lists: bool,
) -> None:
    """Make a link with which a screen sees its KPIs and can do nothing else; or revoke one."""
    if sum((screen is not None, revoke is not None, lists)) != 1:
        raise click.UsageError("name one of --screen NAME, --revoke NAME and --list")
    if screen is not None and not kpis:
        raise click.UsageError("name what the screen may see, as in --kpi 'plant1.*'")

    async def work(settings: Settings) -> None:
        async with Database(settings) as database:
            store = TokenStore(database)
            if screen is not None:
                grants = screen_grants(kpis, periods, board)
                link = await screen_link(settings, store, screen, grants, expires, url)
                click.echo(link)
            elif revoke is not None:
                count = await store.revoke_screens(revoke)
                if not count:
                    raise ConfigurationError(f"there is no screen {revoke}; --list shows them")
                say(f"Revoked {count}; open streams end within a minute.")
            else:
                for line in await screen_lines(store):
                    click.echo(line)

    run(work)
