"""What all gateways must know of our own tokens: secret, screens, what was used or revoked."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, NamedTuple

from .database import Connection, Database, load_queries


class Screen(NamedTuple):
    """A screen's token: its name, when it was made, ends, and was revoked."""

    name: str
    created_at: datetime
    until: datetime
    revoked_at: datetime | None


class TokenStore:
    """Reads and writes the tables of tokens.

    All raise DatabaseUnavailableError, and ConfigurationError where `db init` has not made them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queries = load_queries("tokens")

    async def secret(self) -> bytes:
        """Return the secret that all gateways sign with, made by the first that asks."""
        fresh = secrets.token_urlsafe(32)

        async def query(connection: Connection) -> str:
            # What another has just made shows at the second look only.
            found = await self._queries.secret(connection, fresh=fresh)
            return str(found or await self._queries.secret(connection, fresh=fresh))

        return (await self._database.read(query)).encode()

    async def spend(self, id: str, kind: str, until: float) -> bool:
        """Revoke a token, and tell whether it was good before; once over all gateways."""
        async with self._database.transaction() as connection:
            await self._queries.forget_expired(connection)
            return bool(await self._queries.spend(connection, id=id, kind=kind, until=until))

    async def revoked(self) -> frozenset[str]:
        """Return the ids of the sessions and screens that were revoked and have not expired."""

        async def query(connection: Connection) -> list[Any]:
            return [row async for row in self._queries.revoked(connection)]

        return frozenset(row["id"] for row in await self._database.read(query))

    async def add_screen(self, id: str, name: str, until: float) -> None:
        """Note the token of a screen, so that it can be revoked by name."""
        async with self._database.transaction() as connection:
            await self._queries.add_screen(connection, id=id, name=name, until=until)

    async def revoke_screens(self, name: str) -> int:
        """Revoke all tokens of a screen; return how many there were."""
        async with self._database.transaction() as connection:
            return len([row async for row in self._queries.revoke_screens(connection, name=name)])

    async def screens(self) -> list[Screen]:
        """Return the screens whose tokens have not expired, by name."""

        async def query(connection: Connection) -> list[Any]:
            return [row async for row in self._queries.screens(connection)]

        return [Screen(*row) for row in await self._database.read(query)]
