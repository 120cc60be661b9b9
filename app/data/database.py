"""The pool of connections: the one place that talks to asyncpg, with a bound on every wait."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

import aiosql
import asyncpg

from ..errors import ConfigurationError, DatabaseUnavailableError
from ..settings import Settings

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

QUERIES = Path(__file__).resolve().parents[2] / "queries"

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Result = TypeVar("Result")

CONNECT_SECONDS = 5.0
"""To wait for a free connection, or to make one."""

READ_SECONDS = 10.0
"""For a read, its connection and the second attempt included."""

STATEMENT_SECONDS = 30.0
"""For a statement on a connection of the pool, on the server's side as well as on ours."""

CLOSE_SECONDS = 2.0

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

_LINK_DROPPED = (
    ConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.IdleSessionTimeoutError,
    # What asyncpg says of a link that drops between two messages of one statement.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
)
_AWAY = (
    *_LINK_DROPPED,
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.QueryCanceledError,
    asyncpg.TransactionRollbackError,
)
_MISCONFIGURED = (
    asyncpg.ClientConfigurationError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedTableError,
)


def load_queries(name: str, replace: Mapping[str, str] | None = None) -> Any:
    """Return the statements of `queries/<name>.sql` as methods, some of its words replaced.

    A file is read and parsed once for each set of words.
    """
    return _parsed(name, tuple((replace or {}).items()))


@cache
def _parsed(name: str, replace: tuple[tuple[str, str], ...]) -> Any:
    text = load_text(name)
    for word, by in replace:
        text = text.replace(word, by)
    return aiosql.from_str(text, "asyncpg", mandatory_parameters=False)


@cache
def load_text(name: str) -> str:
    """Return what `queries/<name>.sql` says, as it is."""
    return (QUERIES / f"{name}.sql").read_text(encoding="utf-8")


async def fetch(connection: Connection, statement: Any, **parameters: Any) -> list[asyncpg.Record]:
    """Return all rows of one of the statements that `load_queries` returned, as a list.

    aiosql would hand them on one by one, which takes as long as getting them.
    """
    names = [name for name in inspect.signature(statement).parameters if name != "self"]
    return await connection.fetch(statement.sql, *(parameters[name] for name in names))


class Backend(StrEnum):
    """What keeps the aggregates behind the three views."""

    POSTGRES = "postgres"
    TIMESCALE = "timescale"


class Database:
    """A pool of connections to one PostgreSQL or TimescaleDB.

    `async with` it. It opens without the database being there; whoever uses it then gets
    DatabaseUnavailableError, and works again as soon as the database is back. What only the
    operator can mend is a ConfigurationError. `server_settings` are PostgreSQL's own.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        url: str | None = None,
        server_settings: Mapping[str, str] | None = None,
    ) -> None:
        named = settings.database_url
        self._url = url or ("" if named is None else named.get_secret_value())
        if not self._url:
            raise ConfigurationError("KPI_DATABASE_URL names no database")
        self._size = settings.database_pool
        self._server_settings = {**_SERVER_SETTINGS, **(server_settings or {})}
        self._queries = load_queries("database")
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def __aenter__(self) -> Self:
        with _explained():
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=0,
                max_size=self._size,
                max_inactive_connection_lifetime=IDLE_SECONDS,
                **self._link(STATEMENT_SECONDS),
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
        except (*_AWAY, asyncpg.InterfaceError):
            pool.terminate()

    def _opened(self) -> asyncpg.Pool[asyncpg.Record]:
        if self._pool is None:
            raise RuntimeError("the database is used outside its `async with`")
        return self._pool

    def _link(self, seconds: float) -> dict[str, Any]:
        """Return how to connect for statements of up to `seconds`.

        The server gives up first and says so; our own bound is for a server that is silent.
        """
        milliseconds = str(round(seconds * 1000))
        return {
            "timeout": CONNECT_SECONDS,
            "command_timeout": seconds + CONNECT_SECONDS,
            "server_settings": {"statement_timeout": milliseconds, **self._server_settings},
        }

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection of the pool.

        Raises DatabaseUnavailableError, ConfigurationError; other faults of a statement are
        asyncpg's own.
        """
        with _explained():
            async with self._opened().acquire(timeout=CONNECT_SECONDS) as connection:
                with _dropped_explained(connection):
                    yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection in a transaction; raises what `connection` raises."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def session(self, seconds: float) -> AsyncIterator[Connection]:
        """Make a connection of its own for statements that may take up to `seconds` each.

        Raises what `connection` raises.
        """
        with _explained():
            connection = await asyncpg.connect(self._url, **self._link(seconds))
            try:
                with _dropped_explained(connection):
                    yield connection
            finally:
                with suppress(*_AWAY):
                    await connection.close(timeout=CLOSE_SECONDS)

    async def read(self, query: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Return what an idempotent query returns, asked again once where the link had dropped.

        A dead link shows only when it is used. Raises what `connection` raises.
        """
        with _explained():
            async with asyncio.timeout(READ_SECONDS):
                try:
                    async with self.connection() as connection:
                        return await query(connection)
                except DatabaseUnavailableError as error:
                    if not isinstance(error.__cause__, _LINK_DROPPED):
                        raise
                await self._opened().expire_connections()
                async with self.connection() as connection:
                    return await query(connection)

    async def backend(self) -> Backend:
        """Return what keeps the aggregates here; raises what `connection` raises."""
        found = await self.read(self._queries.has_continuous_aggregates)
        return Backend.TIMESCALE if found else Backend.POSTGRES


@contextmanager
def _explained() -> Iterator[None]:
    """Raise what means that the database is away, too slow or not fit as our own errors."""
    try:
        yield
    except _MISCONFIGURED as error:
        raise ConfigurationError(f"the database cannot be used: {error}") from error
    except _AWAY as error:
        raise DatabaseUnavailableError(
            f"the database does not answer ({str(error) or type(error).__name__})"
        ) from error


@contextmanager
def _dropped_explained(connection: Connection) -> Iterator[None]:
    """Tell a connection that was lost, which asyncpg calls a wrong use, from a wrong use."""
    try:
        yield
    except asyncpg.InterfaceError as error:
        if _is_lost(connection):
            raise ConnectionError(str(error)) from error
        raise


def _is_lost(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        # The pool takes a connection back the moment that it breaks.
        return True
