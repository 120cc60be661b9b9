"""Makes connections: straight to the server, or through a pooler that passes on no settings."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from ..errors import ConfigurationError
from .address import Address
from .faults import STATEMENT_LOST, Connection
from .sql import literal, load_queries

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
"""To wait for a free connection, or to make one."""

CLOSE_SECONDS = 2.0

LOOKS = 3
"""How often two connections of a pooler are compared: it may give both the same by chance."""

LOOK_SECONDS = 2.0

_TRACKED = frozenset({"application_name", "timezone"})
"""The settings that every pooler takes when a connection is made."""

_MARK = "KP001"


class Connector:
    """Makes connections to one address, all with the same settings of PostgreSQL's.

    They are sent when a connection is made. A pooler such as PgBouncer refuses that, or ignores
    it, and may give each transaction to another session of the server: then they are set in each
    transaction, and no statement is prepared for later. It is found out by trying.
    """

    def __init__(self, address: Address, settings: Mapping[str, str]) -> None:
        self.through_pooler = address.pooler
        self._address = address
        self._dsns = deque(address.dsns)
        # What this project relies on is not the URL's to say, but for its name.
        self._settings = {**address.settings, **settings, **_named(address)}
        self._queries = load_queries("database")

    @property
    def connect_seconds(self) -> float:
        """How long making a connection may take."""
        return self._address.connect_seconds or CONNECT_SECONDS

    async def connect(self, seconds: float) -> asyncpg.Connection[asyncpg.Record]:
        """Make a connection for statements of up to `seconds`; raises what asyncpg does.

        The server gives a statement up first and says so; our own bound is for a server that is
        silent.
        """
        if not self.through_pooler:
            with suppress(_PoolerFoundError):
                return await self._connect_straight(seconds)
            log.info("%s leads to a pooler", self._address.variable)
            self.through_pooler = True
        settings = {name: value for name, value in self._settings.items() if name in _TRACKED}
        return await self._connect(seconds, settings, statement_cache_size=0)

    async def _connect_straight(self, seconds: float) -> asyncpg.Connection[asyncpg.Record]:
        settings = self._all_settings(seconds)
        try:
            connection = await self._connect(seconds, settings)
        except asyncpg.ProtocolViolationError as error:
            # Where TLS is preferred the refusal of the second attempt, without it, hides the first.
            if "startup parameter" in f"{error} {error.__cause__}":
                raise _PoolerFoundError from error
            raise
        try:
            milliseconds = settings["statement_timeout"]
            queries = load_queries("database", {"{milliseconds}": milliseconds})
            await queries.require_settings(connection)
        except BaseException as error:
            connection.terminate()
            if isinstance(error, asyncpg.PostgresError) and error.sqlstate == _MARK:
                raise _PoolerFoundError from error
            raise
        return connection

    async def _connect(
        self, seconds: float, settings: Mapping[str, str], **arguments: Any
    ) -> asyncpg.Connection[asyncpg.Record]:
        options = {"options": self._address.options} if self._address.options else {}
        hosts = len(self._dsns)
        for host in range(hosts):
            try:
                return await asyncpg.connect(
                    **self._address.arguments(self._dsns[0]),
                    **arguments,
                    timeout=self.connect_seconds / hosts,
                    command_timeout=seconds + CONNECT_SECONDS,
                    server_settings={**settings, **options},
                )
            except ConnectionError as error:
                # A server that dies says so instead of whether it speaks TLS.
                if "rejected SSL upgrade" in str(error) and not self._address.asks_for_tls:
                    raise ConnectionResetError("the server broke off the handshake") from error
                raise
            except TimeoutError:
                # A host that is silent would keep the others from being tried, also from now on.
                self._dsns.rotate(-1)
                if host == hosts - 1:
                    raise
        raise AssertionError("there is at least one host")

    def _all_settings(self, seconds: float) -> dict[str, str]:
        return {"statement_timeout": str(round(seconds * 1000)), **self._settings}

    async def set_for_transaction(self, connection: Connection, seconds: float) -> None:
        """Give the settings to the transaction that is open on a pooler's connection."""
        await connection.execute(self._assignments("set_for_transaction", seconds))

    def _assignments(self, statement: str, seconds: float) -> str:
        return "\n".join(
            getattr(load_queries("database", words), statement).sql
            for words in (
                {"{name}": literal(name), "{value}": literal(value)}
                for name, value in self._all_settings(seconds).items()
            )
        )

    @asynccontextmanager
    async def session(self, seconds: float) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """Make a connection that keeps its session, with the settings.

        Raises ConfigurationError where a pooler lends no sessions, else what asyncpg does.
        """
        connection = await self.connect(seconds)
        try:
            if self.through_pooler:
                if not await self.lends_sessions(connection):
                    raise ConfigurationError(
                        f"{self._address.variable} leads to a pooler in transaction mode, which "
                        "keeps no session, as db init, demo, publish and, with TimescaleDB, import "
                        "need: run these with the address of the server itself, or the pooler's "
                        "for sessions; serve and db check work as it is"
                    )
                await connection.execute(self._assignments("set_for_session", seconds))
            yield connection
        finally:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await connection.close(timeout=CLOSE_SECONDS)

    async def lends_sessions(self, connection: Connection) -> bool:
        """Whether each connection of the pooler has a session of the server's to itself."""
        other = await self.connect(CONNECT_SECONDS)
        try:
            seen = set()
            for _ in range(LOOKS):
                mine = await self._queries.backend_pid(connection)
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        theirs = await self._queries.backend_pid(other)
                except TimeoutError:
                    # This connection keeps the only session there is.
                    return True
                seen.add((mine, theirs))
            return len(seen) == 1 and mine != theirs
        except STATEMENT_LOST:
            return False
        finally:
            other.terminate()


def _named(address: Address) -> dict[str, str]:
    name = address.settings.get("application_name")
    return {} if name is None else {"application_name": name}


class _PoolerFoundError(Exception):
    """A pooler is between, which takes no settings when a connection is made."""
