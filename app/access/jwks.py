"""The keys at a JWKS URL: kept, looked at again now and then, and fetched in no request's way."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
from types import TracebackType
from typing import Self

import httpx
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
"""For the whole of it: an issuer that sends a byte now and then is given up as well."""

MAX_SET_BYTES = 256 * 1024
"""The largest set that is read; those of large issuers have some 10 KB."""


class KeySet:
    """The signing keys of an issuer by their ids. `async with` it: it keeps itself fresh."""

    def __init__(self, url: str) -> None:
        self._url = url
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
            async with asyncio.timeout(FETCH_SECONDS):
                keys = _keys(json.loads(await _download(self._url)))
        except (httpx.HTTPError, ValueError, RecursionError, OSError) as error:
            reason = str(error) if type(error) is ValueError else type(error).__name__
            log.warning("the key set of KPI_JWKS_URL cannot be read: %s", reason)
            return
        self._keys = keys
        self._fetched_at = time.monotonic()


async def _download(url: str) -> bytes:
    """Return what is published at a URL; raises httpx.HTTPError, ValueError.

    No redirect is followed: it could lead anywhere, also to where only this machine may ask.
    """
    system = ssl.create_default_context()  # the authorities that the operator's machine trusts
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with (
        httpx.AsyncClient(verify=system, follow_redirects=False, timeout=FETCH_SECONDS) as client,
        client.stream("GET", url, headers=headers) as answer,
    ):
        if answer.status_code != httpx.codes.OK:
            raise ValueError(f"it answers {answer.status_code}")
        body = bytearray()
        async for piece in answer.aiter_raw():  # as it comes: nothing is unpacked into memory
            body += piece
            if len(body) > MAX_SET_BYTES:
                raise ValueError(f"it has more than {MAX_SET_BYTES} bytes")
        return bytes(body)


def _keys(document: object) -> dict[str | None, Key]:
    """Return the public signing keys of a JWKS; a secret in it would be no secret."""
    keys: dict[str | None, Key] = {}
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("it has no keys")
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        if not isinstance(entry.get("kid"), str | None):
            continue
        try:
            key = public_key(jwt.PyJWK.from_dict(entry).key)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
            continue
        if key is not None and entry.get("alg", key.algorithm) == key.algorithm:
            keys[entry.get("kid")] = key
    return keys
