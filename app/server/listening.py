"""Sockets to listen on, and Hypercorn's configuration made from our settings."""

from __future__ import annotations

import logging
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ConfigurationError
from ..settings import Settings
from .hypercorn_contract import Config, Sockets

BACKLOG = 4096
"""Connections that the kernel keeps until they are accepted; Linux has no more by default."""

_SECONDS = 1.0


def configure(
    settings: Settings, *, certificate: Path | None = None, key: Path | None = None
) -> Config:
    """Return Hypercorn's configuration; with a certificate (PEM files) the address speaks TLS."""
    config = Config()
    config.bind = [settings.bind]
    config.workers = settings.workers
    config.certfile = None if certificate is None else str(certificate)
    config.keyfile = None if key is None else str(key)
    config.backlog = BACKLOG
    config.errorlog = logging.getLogger("app.server")
    config.include_server_header = False
    # A cursor over 256 channels comes back as one long header.
    config.h11_max_incomplete_size = 65_536
    # GOAWAY after so many requests would end the streams on the same HTTP/2 connection.
    config.keep_alive_max_requests = 2**31
    # Also how long a client may take over a request's head, which no stream is held to.
    config.keep_alive_timeout = 5 * _SECONDS
    config.ssl_handshake_timeout = 10 * _SECONDS
    config.graceful_timeout = 1 * _SECONDS
    config.startup_timeout = 60 * _SECONDS
    config.shutdown_timeout = 5 * _SECONDS
    return config


def listen(config: Config, *, send_timeout_seconds: float) -> Sockets:
    """Bind the sockets of `config`, with what accepted ones inherit; raise ConfigurationError."""
    try:
        sockets = config.create_sockets()
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {', '.join(config.bind)}: {error}") from error
    for sock in (*sockets.secure_sockets, *sockets.insecure_sockets):
        if sock.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
            # A peer that says nothing any more, not even that its window is shut or open.
            milliseconds = int(send_timeout_seconds * 1000)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    return sockets


@contextmanager
def reserved(settings: Settings) -> Iterator[Settings]:
    """Hold the port while workers come and go; yield the settings with the port as it is."""
    config = configure(settings)
    sockets = listen(config, send_timeout_seconds=settings.send_timeout_seconds)
    (held,) = sockets.insecure_sockets
    # It never listens, so the kernel hands it no connection.
    with held:
        host, _, port = settings.bind.rpartition(":")
        if port == "0":
            port = str(held.getsockname()[1])
        yield settings.model_copy(update={"bind": f"{host}:{port}"})


def raise_file_limit() -> int:
    """Allow as many open files, and so connections, as the system lets us; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
