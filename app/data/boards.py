"""Boards that a team shares: each change is a new version, and nothing is overwritten unseen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from ..errors import BoardChangedError, NotKeptError, UnknownBoardError
from .database import Connection, Database, fetch, load_queries
from .faults import refusals_explained

MOST_LISTED = 1_000


@dataclass(frozen=True, slots=True)
class Board:
    """One version of a board; `definition` is JSON, and None where it is not asked for."""

    slug: str
    version: int
    name: str
    updated_at: datetime
    updated_by: str | None
    definition: str | None = None


class Boards:
    """The boards of one database.

    Each method raises DatabaseUnavailableError, ConfigurationError, and NotKeptError where the
    database has no table for them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queries = load_queries("boards")

    async def all(self) -> list[Board]:
        """Return the newest version of each board, by name, without definitions."""
        async with self._connection() as connection:
            rows = await fetch(connection, self._queries.all_boards, most=MOST_LISTED)
        return [_board(row) for row in rows]

    async def get(self, slug: str, version: int | None = None) -> Board:
        """Return a board as it is, or as it was in a version; raises UnknownBoardError."""
        async with self._connection() as connection:
            if version is None:
                row = await self._queries.newest_board(connection, slug=slug)
            else:
                row = await self._queries.board_version(connection, slug=slug, version=version)
        if row is None or row["definition"] is None:
            raise UnknownBoardError(f"there is no board {slug!r}")
        return _board(row)

    async def versions(self, slug: str) -> list[Board]:
        """Return the versions of a board, the newest first, without definitions."""
        async with self._connection() as connection:
            rows = await fetch(
                connection, self._queries.board_versions, slug=slug, most=MOST_LISTED
            )
        return [_board(row) for row in rows]

    async def newest(self, slugs: Sequence[str]) -> dict[str, int]:
        """Return the newest version of each of some boards, deletions included."""
        async with self._connection() as connection:
            rows = await fetch(connection, self._queries.newest_versions, slugs=list(slugs))
        return {row["slug"]: row["version"] for row in rows}

    async def create(self, slug: str, name: str, definition: str, by: str | None = None) -> int:
        """Add a board, also one that was deleted; raises BoardChangedError where there is one."""
        async with self._connection() as connection:
            row = await self._queries.newest_board(connection, slug=slug)
            if row is not None and row["definition"] is not None:
                raise BoardChangedError(f"there is a board {slug!r} already")
            version = 0 if row is None else row["version"]
            return await self._add(connection, slug, version + 1, name, definition, by)

    async def change(
        self, slug: str, version: int, name: str, definition: str | None, by: str | None = None
    ) -> int:
        """Make a board of this version another, or none; return its new version.

        Raises BoardChangedError where it has another version by now, UnknownBoardError.
        """
        async with self._connection() as connection:
            row = await self._queries.newest_board(connection, slug=slug)
            if row is None or row["definition"] is None:
                raise UnknownBoardError(f"there is no board {slug!r}")
            if row["version"] != version:
                raise BoardChangedError(
                    f"the board {slug!r} has version {row['version']} by now, not {version}"
                )
            named = name or row["name"]
            return await self._add(connection, slug, version + 1, named, definition, by)

    async def _add(
        self,
        connection: Connection,
        slug: str,
        version: int,
        name: str,
        definition: str | None,
        by: str | None,
    ) -> int:
        added = await self._queries.add_board_version(
            connection, slug=slug, version=version, name=name, definition=definition, updated_by=by
        )
        if added is None:
            raise BoardChangedError(f"somebody else has just changed the board {slug!r}")
        return version

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with refusals_explained("the table of boards cannot be used"):
            async with self._database.connection() as connection:
                try:
                    yield connection
                except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
                    raise NotKeptError(
                        "this database has no table for boards: run `kpi-stream db init`"
                    ) from None


def _board(row: asyncpg.Record) -> Board:
    return Board(
        row["slug"],
        row["version"],
        row["name"],
        row["updated_at"],
        row["updated_by"],
        row.get("definition"),
    )
