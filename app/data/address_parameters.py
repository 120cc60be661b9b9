"""The parameters of a database's URL: asyncpg's, libpq's, and those of other programs' drivers."""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Iterator

from ..errors import ConfigurationError

log = logging.getLogger(__name__)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OF_ASYNCPG = _words(
    """
    database dbname gsslib host krbsrvname passfile password port service
    ssl_max_protocol_version ssl_min_protocol_version sslcert sslcrl sslkey sslmode
    sslnegotiation sslpassword sslrootcert target_session_attrs user
    """
)

_OF_LIBPQ_WITHOUT_EFFECT = _words(
    """
    client_encoding gssdelegation gssencmode keepalives keepalives_count keepalives_idle
    keepalives_interval load_balance_hosts max_protocol_version min_protocol_version
    sslcertmode sslcompression sslkeylogfile sslsni tcp_user_timeout
    """
)
"""This project has bounds of its own on each wait, and no use for the others."""

_OF_OTHERS_WITHOUT_EFFECT = _words(
    """
    binary_parameters connection_limit default_query_exec_mode pool_max_conn_lifetime
    pool_max_conns pool_min_conns pool_size pool_timeout prepare_threshold
    prepared_statement_cache_size prepared_statements preparethreshold reconnect
    rewritebatchedinserts socket_timeout sockettimeout sslaccept statement_cache_capacity
    statement_cache_size supa tcpkeepalive uselibpqcompat
    """
)
"""What URLs for Prisma, node, Go and JDBC carry, and what hosters add to them."""

_REFUSED = {
    "hostaddr": "write the address in the place of the host",
    "replication": "this project reads tables, not the replication stream",
    "require_auth": "the driver cannot insist on a way to authenticate",
    "sslcrldir": "name one file with sslcrl",
}

_TRUE = frozenset({"", "1", "on", "require", "true", "yes"})
_FLAGS = frozenset({"pgbouncer", "ssl", "requiressl"})


def is_flag(name: str) -> bool:
    """Whether a parameter means yes when it has no value."""
    return name.lower() in _FLAGS


class Parameters:
    """What the parameters of one URL come to; `variable` is the setting that it is from."""

    def __init__(self, variable: str) -> None:
        self.known: dict[str, str] = {}
        self.settings: dict[str, str] = {}
        self.options: list[str] = []
        self.connect_seconds: float | None = None
        self.pooler = False
        self._variable = variable

    def take(self, name: str, value: str) -> None:
        """Put a parameter where it belongs; raise ConfigurationError for what cannot be done."""
        lower = name.lower()
        if lower in _REFUSED:
            raise ConfigurationError(f"leave {name} out of {self._variable}: {_REFUSED[lower]}")
        if name in _OF_ASYNCPG:
            self.known[name] = value
        elif lower in {"connect_timeout", "connecttimeout"}:
            self.connect_seconds = self._seconds(name, value)
        elif lower in {"ssl", "requiressl"}:
            mode = "require" if value.lower() in _TRUE else "disable"
            self.known.setdefault("sslmode", value if "-" in value else mode)
        elif lower in {"schema", "currentschema"}:
            self.settings["search_path"] = value
        elif lower == "fallback_application_name":
            self.settings.setdefault("application_name", value)
        elif lower == "pgbouncer":
            self.pooler = value.lower() in _TRUE
        elif lower == "options":
            self.settings.update(self._options(value))
        elif lower == "channel_binding":
            if value == "require":
                log.info("%s: without channel binding, which the driver lacks", self._variable)
        elif lower not in _OF_LIBPQ_WITHOUT_EFFECT | _OF_OTHERS_WITHOUT_EFFECT:
            if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", name) is None:
                raise ConfigurationError(
                    f"{self._variable} has a parameter whose name has a character that none has"
                )
            # One of the server's own, such as search_path; the server knows.
            self.settings[name] = value

    def _seconds(self, name: str, value: str) -> float | None:
        try:
            seconds = float(value)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= 3600:
            raise ConfigurationError(
                f"{name} in {self._variable} must be seconds, such as {name}=10"
            )
        # libpq's 0 is to wait for ever, which nothing here does.
        return seconds or None

    def _options(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the settings in `options`, written as for PostgreSQL's command line."""
        words = iter(shlex.split(text))
        for word in words:
            if not word.startswith(("-c", "--")):
                # What names a server behind a proxy, such as Neon's endpoint=...
                self.options.append(word)
                continue
            setting = next(words, "") if word == "-c" else word[2:]
            name, is_set, value = setting.partition("=")
            if not is_set:
                raise ConfigurationError(
                    f"options in {self._variable} must be such as -c search_path=kpi"
                )
            yield name.replace("-", "_"), value
