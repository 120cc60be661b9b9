"""The pool of connections to one database, with a bound on every wait."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext, suppress
from enum import StrEnum
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import asyncpg

from ..errors import ConfigurationError, DatabaseUnavailableError, KpiStreamError
from ..settings import Settings
from .address import parse_address
from .connector import CLOSE_SECONDS, Connector
from .faults import (
    AWAY,
    LINK_DROPPED,
    STATEMENT_LOST,
    Connection,
    dropped_explained,
    explained,
)
from .sql import fetch, load_queries, load_text

__all__ = [
    "Backend",
    "Connection",
    "Database",
    "Reader",
    "fetch",
    "load_queries",
    "load_text",
    "transaction_on",
]

log = logging.getLogger(__name__)

Result = TypeVar("Result")

READ_SECONDS = 10.0
"""For a read, its connection and the second attempt included."""

STATEMENT_SECONDS = 30.0
"""For a statement on a connection of the pool, on the server's side as well as on ours."""

IDLE_SECONDS = 120.0
"""An idle connection is closed before a firewall forgets it."""

_SERVER_SETTINGS = {
    "application_name": "kpi-stream",
    "timezone": "UTC",
    "idle_in_transaction_session_timeout": "60000",
    # value::text is the exact value only then.
    "extra_float_digits": "1",
    # The log of dirty buckets is empty now and has a million rows later: no plan is good for both.
    "plan_cache_mode": "force_custom_plan",
    # Compiling takes longer than any of these statements.
    "jit": "off",
}


class Backend(StrEnum):
    """What keeps the aggregates behind the three views."""

    POSTGRES = "postgres"
    TIMESCALE = "timescale"


class Reader(Protocol):
    """Whatever answers idempotent queries of a database."""

    async def read(self, query: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Return what a query returns; raises DatabaseUnavailableError, ConfigurationError."""


class Database:
    """A pool of connections to one PostgreSQL or TimescaleDB, or to a pooler before it.

    `async with` it. It opens without the database being there; whoever uses it then gets
    DatabaseUnavailableError, and works again as soon as the database is back. What only the
    operator can mend is a ConfigurationError. `server_settings` are PostgreSQL's own; `variable`
    is the setting that `url` is from.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        url: str | None = None,
        variable: str = "KPI_DATABASE_URL",
        server_settings: Mapping[str, str] | None = None,
    ) -> None:
        named = settings.database_url
        url = url or ("" if named is None else named.get_secret_value())
        if not url:
            raise ConfigurationError(f"{variable} names no database")
        self._variable = variable
        self._connector = Connector(
            parse_address(url, variable), {**_SERVER_SETTINGS, **(server_settings or {})}
        )
        self.size = settings.database_pool
        self._queries = load_queries("database")
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._trouble: str | None = None
        self.read_at = -math.inf
        """When somebody has last read, in the loop's time."""
        self._next_read = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._pool = await asyncpg.create_pool(
            min_size=0,
            max_size=self.size,
            max_inactive_connection_lifetime=IDLE_SECONDS,
            connect=self._connect,
            reset=self._reset,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pool = self._opened()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await pool.close()
        except (*AWAY, asyncpg.InterfaceError):
            pool.terminate()

    def _opened(self) -> asyncpg.Pool[asyncpg.Record]:
        if self._pool is None:
            raise RuntimeError("the database is used outside its `async with`")
        return self._pool

    async def _connect(
        self, dsn: str | None = None, **_: Any
    ) -> asyncpg.Connection[asyncpg.Record]:
        """Make a connection as the pool asks for it, which knows neither URL nor settings."""
        return await self._connector.connect(STATEMENT_SECONDS)

    async def _reset(self, connection: asyncpg.Connection[Any]) -> None:
        # Through a pooler nothing outlives a transaction.
        if not self._connector.through_pooler:
            await connection.execute(connection.get_reset_query())

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection of the pool; through a pooler it is in a transaction.

        Raises DatabaseUnavailableError, ConfigurationError; other faults of a statement are
        asyncpg's own.
        """
        async with self._lent() as connection:
            if not self._connector.through_pooler:
                yield connection
                return
            async with transaction_on(connection):
                await self._connector.set_for_transaction(connection, STATEMENT_SECONDS)
                yield connection

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Connection]:
        with explained(self._variable):
            pool = self._opened()
            connection = await pool.acquire(timeout=self._connector.connect_seconds)
            try:
                with dropped_explained(connection):
                    yield connection
            except STATEMENT_LOST:
                self._connector.through_pooler = True
                await pool.expire_connections()
                raise
            finally:
                # One that cannot be taken back is closed; what was asked has its answer.
                with suppress(*AWAY, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await pool.release(connection, timeout=CLOSE_SECONDS)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection in a transaction; raises what `connection` raises."""
        async with self.connection() as connection:
            inner = nullcontext() if self._connector.through_pooler else transaction_on(connection)
            async with inner:
                yield connection

    @asynccontextmanager
    async def session(self, seconds: float) -> AsyncIterator[Connection]:
        """Make a connection of its own for statements that may take up to `seconds` each.

        Raises what `connection` raises, and ConfigurationError where a pooler lends no sessions.
        """
        with explained(self._variable):
            async with self._connector.session(seconds) as connection:
                with dropped_explained(connection):
                    yield connection

    async def run_alone(self, statement: str) -> None:
        """Run a statement that no transaction may hold; raises what `connection` raises."""
        async with self._lent() as connection:
            await connection.execute(statement)

    async def read(self, query: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Return what an idempotent query returns, asked again once where the link had dropped.

        A dead link shows only when it is used. Raises what `connection` raises.
        """
        self.read_at = asyncio.get_running_loop().time()
        self._next_read.set()
        try:
            result = await self._read(query)
        except KpiStreamError as error:
            if self._trouble != str(error):
                self._trouble = str(error)
                log.warning("%s", error)
            raise
        if self._trouble is not None:
            self._trouble = None
            log.warning("the database answers again")
        return result

    async def _read(self, query: Callable[[Connection], Awaitable[Result]]) -> Result:
        with explained(self._variable):
            async with asyncio.timeout(READ_SECONDS):
                try:
                    async with self.connection() as connection:
                        return await query(connection)
                except DatabaseUnavailableError as error:
                    if not isinstance(error.__cause__, (*LINK_DROPPED, *STATEMENT_LOST)):
                        raise
                await self._opened().expire_connections()
                async with self.connection() as connection:
                    return await query(connection)

    async def next_read(self) -> None:
        """Wait until somebody reads."""
        self._next_read.clear()
        await self._next_read.wait()

    async def backend(self) -> Backend:
        """Return what keeps the aggregates here; raises what `connection` raises."""
        found = await self.read(self._queries.has_continuous_aggregates)
        return Backend.TIMESCALE if found else Backend.POSTGRES


@asynccontextmanager
async def transaction_on(connection: Connection) -> AsyncIterator[None]:
    """Open a transaction; taking it back does not wait for a server that is silent."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    except BaseException:
        # Where it cannot be taken back the connection is closed, which does the same.
        with suppress(*AWAY, asyncpg.PostgresError, asyncpg.InterfaceError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await transaction.rollback()
        raise
    await transaction.commit()
