"""TLS with a certificate that is read anew when its files change."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from ..errors import ConfigurationError

LOOK_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Certificate:
    """A certificate with its key; new connections get the newest, running ones keep theirs."""

    def __init__(self, certificate: Path, key: Path, alpn_protocols: Sequence[str]) -> None:
        self._certificate = certificate
        self._key = key
        self._alpn_protocols = list(alpn_protocols)
        self._seen = self._signature()
        try:
            self._newest = self._load()
            self.context = self._load()
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"KPI_TLS_CERTIFICATE {certificate} and KPI_TLS_KEY {key} must be a certificate and"
                f" its key in PEM form: {error}"
            ) from error
        # Called in every handshake, also where the client names no server.
        self.context.sni_callback = self._use_newest

    def _use_newest(self, connection: ssl.SSLObject, name: str | None, old: ssl.SSLContext) -> None:
        connection.context = self._newest

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(self._alpn_protocols)
        context.load_cert_chain(self._certificate, self._key, password=_no_password)
        return context

    def _signature(self) -> list[tuple[int, int, int] | None]:
        found: list[tuple[int, int, int] | None] = []
        for path in (self._certificate, self._key):
            try:
                status = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        return found

    def look(self) -> None:
        """Read the files if they have changed; keep what there was where they are not usable."""
        seen = self._signature()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._newest = self._load()
        except (OSError, ValueError) as error:
            _log.error("the changed TLS certificate or key is not usable, the old stays: %s", error)
        else:
            _log.warning("serving the changed TLS certificate %s", self._certificate)

    async def watch(self) -> NoReturn:
        """Look every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()


def _no_password() -> NoReturn:
    """Keep OpenSSL from asking on the terminal."""
    raise ValueError("the key is encrypted; remove its passphrase")
