"""The pool of connections: the one place that talks to asyncpg, with a bound on every wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import aiosql
import asyncpg

from app.errors import ConfigurationError, DatabaseUnavailableError
from app.settings import Settings

QUERIES = Path(__file__).parents[2] / "queries"

Connection = asyncpg.pool.PoolConnectionProxy
Result = TypeVar("Result")

CONNECT_TIMEOUT_SECONDS = 5.0
ACQUIRE_TIMEOUT_SECONDS = 5.0
COMMAND_TIMEOUT_SECONDS = 30.0
IDLE_LIFETIME_SECONDS = 300.0

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.QueryCanceledError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleSessionTimeoutError,
)


def load_queries(name: str, replace: Mapping[str, str] | None = None) -> Any:
    """Return the statements of `queries/<name>.sql` as methods, some of its words replaced."""
    text = (QUERIES / f"{name}.sql").read_text()
    for word, by in (replace or {}).items():
        text = text.replace(word, by)
    return aiosql.from_str(text, "asyncpg", mandatory_parameters=False)


class Database:
    """A pool of connections to one PostgreSQL or TimescaleDB.

    `async with` it. It opens without the database being there; whoever uses it then gets
    DatabaseUnavailableError, and works again as soon as the database is back.
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
        self._server_settings = {
            "application_name": "kpi-stream",
            "statement_timeout": str(int(COMMAND_TIMEOUT_SECONDS * 1000)),
            "jit": "off",  # compiling takes longer than any of these statements
            **(server_settings or {}),
        }
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                    await self._pool.close()
            except TimeoutError:
                self._pool.terminate()

    async def _opened(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=self._size,
                    max_inactive_connection_lifetime=IDLE_LIFETIME_SECONDS,
                    timeout=CONNECT_TIMEOUT_SECONDS,
                    command_timeout=COMMAND_TIMEOUT_SECONDS,
                    server_settings=self._server_settings,
                )
            return self._pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Yield a connection; raises DatabaseUnavailableError when the database is away."""
        try:
            pool = await self._opened()
            async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
                yield connection
        except _AWAY as error:
            raise DatabaseUnavailableError(
                f"the database does not answer ({error or type(error).__name__})"
            ) from error
        except (
            asyncpg.InvalidCatalogNameError,
            asyncpg.InvalidAuthorizationSpecificationError,
        ) as e:
            raise ConfigurationError(f"KPI_DATABASE_URL: {e}") from e

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Yield a connection in a transaction."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def read(self, query: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Return what an idempotent query returns, asked again once where the link had dropped."""
        try:
            async with self.connection() as connection:
                return await query(connection)
        except DatabaseUnavailableError as error:
            if not isinstance(error.__cause__, asyncpg.PostgresConnectionError | ConnectionError):
                raise
        async with self.connection() as connection:
            return await query(connection)
