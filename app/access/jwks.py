"""The keys at a JWKS URL: kept, looked at again now and then, and fetched in no request's way."""

from __future__ import annotations

import asyncio
import logging
import time
from types import TracebackType
from typing import Self

import jwt

from ..errors import UnauthorizedError, UnavailableError
from .keys import Key, public_key

log = logging.getLogger(__name__)

FRESH_SECONDS = 300.0
"""How often the set is fetched anew, beside whatever is asked: a key that was withdrawn is gone."""

STALE_SECONDS = 86_400.0
"""How long the set is used after the last fetch that succeeded."""

UNKNOWN_SECONDS = 10.0
"""How soon it is fetched again for a key id that it does not have: keys are rotated, and made-up
key ids must not become a load on whoever publishes the set."""

FETCH_SECONDS = 5.0


class KeySet:
    """The signing keys of an issuer by their ids. `async with` it: it keeps itself fresh."""

    def __init__(self, url: str) -> None:
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_SECONDS)
        self._keys: dict[str | None, Key] = {}
        self._fetched_at: float | None = None
        self._tried_at = -UNKNOWN_SECONDS
        self._fetching: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="jwks")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tasks = [task for task in (self._task, self._fetching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def find(self, key_id: str | None) -> Key:
        """Return the key with that id, the only one where a token names none.

        Raises UnauthorizedError, and UnavailableError while no set could be fetched.
        """
        key = self._known(key_id)
        if key is None and time.monotonic() - self._tried_at >= UNKNOWN_SECONDS:
            await self._fetch()
            key = self._known(key_id)
        if key is None and self._fetching is not None:
            await asyncio.shield(self._fetching)
            key = self._known(key_id)
        if self._is_stale():
            raise UnavailableError("the keys that tokens are signed with cannot be fetched")
        if key is None:
            raise UnauthorizedError("the token is signed with a key that the issuer does not have")
        return key

    def _known(self, key_id: str | None) -> Key | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return None if key_id is None else self._keys.get(key_id)

    def _is_stale(self) -> bool:
        return self._fetched_at is None or time.monotonic() - self._fetched_at > STALE_SECONDS

    async def _run(self) -> None:
        while True:
            await self._fetch()
            await asyncio.sleep(FRESH_SECONDS if not self._is_stale() else UNKNOWN_SECONDS)

    async def _fetch(self) -> None:
        """Fetch the set; those who ask meanwhile wait for the same fetch."""
        if self._fetching is None:
            self._tried_at = time.monotonic()
            self._fetching = asyncio.create_task(self._read(), name="jwks-fetch")
            self._fetching.add_done_callback(self._fetched)
        await asyncio.shield(self._fetching)

    def _fetched(self, _: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _read(self) -> None:
        try:
            found = await asyncio.to_thread(self._client.fetch_data)
            keys = _keys(found)
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OSError) as error:
            log.warning("the key set of KPI_JWKS_URL cannot be read: %s", type(error).__name__)
            return
        self._keys = keys
        self._fetched_at = time.monotonic()


def _keys(document: object) -> dict[str | None, Key]:
    """Return the public signing keys of a JWKS; a secret in it would be no secret."""
    keys: dict[str | None, Key] = {}
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("it has no keys")
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        try:
            key = public_key(jwt.PyJWK.from_dict(entry).key)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue
        if key is not None and entry.get("alg", key.algorithm) == key.algorithm:
            keys[entry.get("kid")] = key
    return keys
