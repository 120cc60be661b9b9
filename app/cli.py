"""The command line."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import click
from pydantic import SecretStr

from . import adopt_command, catalogue_commands
from .access.bind import require_safe_bind
from .access.screens import screen_grants, screen_lines, screen_link
from .data import schema
from .data.check.check import check
from .data.check.findings import Finding, Severity
from .data.database import Database
from .data.demo.feed import DemoFeed
from .data.embedded.server import embedded_postgres
from .data.importing.command import Outcome, import_rows, preview
from .data.importing.layout import read_options
from .data.token_store import TokenStore
from .errors import ConfigurationError, KpiStreamError
from .gateway import Front, open_front, run_gateway, run_workers
from .metrics import Board
from .models import Channel, Period, parse_code, parse_period
from .server.stopping import Stop
from .server.worker import Worker
from .service import open_publisher
from .settings import Settings, load_settings
from .watch import watch as watch_channel


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Say in one sentence what is wrong, without a traceback."""
    try:
        yield
    except KpiStreamError as error:
        raise click.ClickException(str(error)) from None
    except BaseExceptionGroup as group:
        known, others = group.split(KpiStreamError)
        if known is None or others is not None:
            raise
        raise click.ClickException(str(_first(known))) from None


def _first(group: BaseExceptionGroup[KpiStreamError]) -> KpiStreamError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _run(work: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    """Run a command with the settings, on the embedded PostgreSQL where they name no database."""
    with _plain_errors():
        asyncio.run(_with_database(load_settings(), work))


async def _with_database(
    settings: Settings, work: Callable[[Settings], Coroutine[Any, Any, None]]
) -> None:
    """Do the work; a signal that asks to stop ends it, and the embedded PostgreSQL with it."""

    async def whole() -> None:
        async with _database(settings) as complete:
            await work(complete)

    stop = Stop()
    with stop.on_signals():
        if not await stop.unless_requested(whole()):
            raise click.Abort


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Settings]:
    if settings.database_url is not None:
        yield settings
        return
    async with embedded_postgres(settings.data_dir) as url:
        _say(f"PostgreSQL   embedded, its data is in {settings.data_dir.resolve()}")
        complete = settings.model_copy(update={"database_url": SecretStr(url)})
        await _create_schema(complete)
        yield complete


async def _create_schema(settings: Settings) -> str:
    async with Database(settings) as database:
        return await schema.init(database, settings)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _say_started(front: Front) -> None:
    everywhere = "" if front.bind.is_local else f", listening on {front.bind}"
    if front.bind.path is not None:
        everywhere = f"; curl --unix-socket {front.bind.path} http://localhost/"
    _say(f"Dashboard    {front.url}   (Ctrl-C stops everything{everywhere})")


def _own_url(settings: Settings) -> str:
    return settings.address.url("http" if settings.tls_certificate is None else "https").rstrip("/")


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


@main.command()
def demo() -> None:
    """Run it all on real input: a database, this machine's KPIs and simulated business ones."""

    async def run(settings: Settings, front: Front) -> None:
        stop = Stop()
        with stop.on_signals():
            async with _database(settings) as complete:
                await _create_schema(complete)
                async with Database(complete) as database, DemoFeed(database):
                    await run_gateway(complete, front, stop, started=lambda: _say_started(front))

    with _plain_errors():
        settings = load_settings()
        require_safe_bind(settings)
        if settings.workers > 1:
            _say(f"KPI_WORKERS={settings.workers} is for kpi-stream serve; the demo is one process")
        with open_front(settings) as front:
            asyncio.run(run(settings, front))


@main.command()
def serve() -> None:
    """Serve the KPIs of a database to browsers and curl."""

    async def run(settings: Settings, front: Front) -> None:
        stop = Stop()
        with stop.on_signals():
            async with _database(settings) as complete:
                await run_gateway(complete, front, stop, started=lambda: _say_started(front))

    async def run_worker(front: Front, worker: Worker, board: Board) -> None:
        stop = Stop()
        with stop.on_signals():
            async with _database(settings) as complete:
                await run_gateway(
                    complete, front, stop, started=worker.ready, worker=worker, board=board
                )

    with _plain_errors():
        settings = load_settings()
        require_safe_bind(settings)
        if settings.workers > 1:
            raise SystemExit(run_workers(settings, run_worker, started=_say_started))
        with open_front(settings) as front:
            asyncio.run(run(settings, front))


@main.command()
def publish() -> None:
    """Poll the database for all gateways and tell them through Redis; several may run."""

    async def run(settings: Settings) -> None:
        stop = Stop()
        with stop.on_signals():
            async with _database(settings) as complete, open_publisher(complete, _say):
                await stop.requested.wait()

    with _plain_errors():
        asyncio.run(run(load_settings()))


@main.group()
def db() -> None:
    """Set up or examine the database."""


@db.command("init")
def db_init() -> None:
    """Create tables, aggregates and views; safe to run again."""

    async def run(settings: Settings) -> None:
        _say("Setting up; rows that are there already are looked at once, a million in seconds.")
        _say(await _create_schema(settings))

    _run(run)


@db.command("check")
def db_check() -> None:
    """Say in plain words what is wrong or unsafe with the database, and how to mend it.

    The exit status is 1 where something gives wrong numbers, or none.
    """
    findings: list[Finding] = []

    async def run(settings: Settings) -> None:
        async with Database(settings) as database:
            findings.extend(await check(database, settings))

    _run(run)
    for finding in findings:
        click.echo(f"{finding.severity:8} {finding.sentence}")
        if finding.sql:
            click.echo("".join(f"         {line}\n" for line in finding.sql.splitlines()))
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise SystemExit(1)


@main.command()
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

    async def run(settings: Settings) -> None:
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
                _say(f"Revoked {count}; open streams end within a minute.")
            else:
                for line in await screen_lines(store):
                    click.echo(line)

    _run(run)


@main.command("import")
@click.argument("file")
@click.option("--columns", help="Its columns: time,code,value by position, or time=Datum by name.")
@click.option("--delimiter", help="What is between columns, such as ';' or tab.")
@click.option("--decimal", type=click.Choice([".", ","]), help="The decimal mark of values.")
@click.option("--encoding", help="Such as utf-8, utf-16 or cp1252.")
@click.option("--time", help="How times are written: iso, s, ms, us, ns or '%d.%m.%Y %H:%M'.")
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
    loaded.
    """
    with _plain_errors():
        options = read_options(said)
        if dry_run:
            for line in preview(file, options):
                click.echo(line)
            return
    outcomes: list[Outcome] = []

    async def run(settings: Settings) -> None:
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

    _run(run)
    raise SystemExit(outcomes[0])


@main.command()
@click.argument("code")
@click.option("--period", type=click.Choice([p.value for p in Period]), default="minute")
@click.option("--url", default=None, help="Where the server is; default: KPI_BIND.")
def watch(code: str, period: str, url: str | None) -> None:
    """Print a KPI's values as they come, reconnecting as a browser would."""
    with _plain_errors():
        channel = Channel(parse_code(code), parse_period(period))
        try:
            watch_channel(url or _own_url(load_settings()), channel, click.echo)
        except KeyboardInterrupt:
            return


catalogue_commands.install(main, _run)
adopt_command.install(main, _run)
