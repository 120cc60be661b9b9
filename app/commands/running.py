"""What all commands have in common: settings, a database, signals, errors in one sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import click
from pydantic import SecretStr

from ..data import schema
from ..data.database import Database
from ..data.embedded.server import embedded_postgres
from ..environment import load_settings
from ..errors import KpiStreamError
from ..server.stopping import Stop
from ..settings import Settings


@contextmanager
def plain_errors() -> Iterator[None]:
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


def run(work: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    """Run a command with the settings, on the embedded PostgreSQL where they name no database."""
    with plain_errors():
        asyncio.run(with_database(load_settings(), work))


async def with_database(
    settings: Settings, work: Callable[[Settings], Coroutine[Any, Any, None]]
) -> None:
    """Do the work; a signal that asks to stop ends it, and the embedded PostgreSQL with it."""

    async def whole() -> None:
        async with database(settings) as complete:
            await work(complete)

    stop = Stop()
    with stop.on_signals():
        if not await stop.unless_requested(whole()):
            raise click.Abort


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Settings]:
    """Yield settings that name a database: the embedded one, set up, where they name none."""
    if settings.database_url is not None:
        yield settings
        return
    async with embedded_postgres(settings.data_dir) as url:
        say(f"PostgreSQL   embedded, its data is in {settings.data_dir.resolve()}")
        complete = settings.model_copy(update={"database_url": SecretStr(url)})
        await create_schema(complete)
        yield complete


async def create_schema(settings: Settings) -> str:
    """Create what is missing in the database; return what is to be said of it."""
    async with Database(settings) as database:
        return await schema.init(database, settings)


def say(line: str) -> None:
    """Tell the user something that is no output."""
    click.echo(line, err=True)


def own_url(settings: Settings) -> str:
    """Return where a server with these settings is found from this machine."""
    return settings.address.url("http" if settings.tls_certificate is None else "https").rstrip("/")
