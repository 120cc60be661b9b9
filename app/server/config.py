"""Hypercorn's configuration, made from our settings."""

from __future__ import annotations

import logging

from ..settings import Settings
from .hypercorn_contract import Config
from .limits import Limits

_SECONDS = 1.0

SLACK_BYTES = 1024
"""So that a URL or header a little too long is seen whole, and refused for what it is."""


def configure(settings: Settings) -> Config:
    """Return Hypercorn's configuration; what is not set here is not used, or right as it is."""
    limits = Limits.of(settings)
    config = Config()
    config.errorlog = logging.getLogger(__name__)
    config.include_server_header = False
    config.alpn_protocols = ["h2", "http/1.1"] if settings.http2 else ["http/1.1"]
    config.h11_max_incomplete_size = limits.max_url_bytes + limits.max_header_bytes + SLACK_BYTES
    config.h2_max_header_list_size = config.h11_max_incomplete_size
    # GOAWAY after so many requests would end the streams on the same HTTP/2 connection.
    config.keep_alive_max_requests = 2**31
    config.ssl_handshake_timeout = settings.header_timeout_seconds
    config.graceful_timeout = 1 * _SECONDS
    config.startup_timeout = 60 * _SECONDS
    config.shutdown_timeout = 5 * _SECONDS
    return config
