"""Reads the URL of a database; what is wrong with one is said without showing any of it."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from ..errors import ConfigurationError
from ..pg_variables import PgVariables
from . import libpq_files
from .address_parameters import Parameters, is_flag

EXAMPLE = "postgresql://user:password@host:5432/database"

_SCHEME = re.compile(r"(?:postgres|postgresql)(?:\+\w+)?://", re.IGNORECASE)

_OURS = frozenset({"extra_float_digits", "statement_timeout", "timezone"})
"""Settings that statements here rely on; whatever the URL says of them is left out."""

_ATTRIBUTES = ("any", "primary", "standby", "read-write", "read-only", "prefer-standby")
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is and how it is spoken to; `dsns` and `options` are as asyncpg takes them.

    There is one DSN for each of its hosts, which begins with that host and goes on with the others.
    `settings` are PostgreSQL's own; `pooler` is whether a pooler in transaction mode is named.
    `variable` is the setting that it is from. The rest may not be shown: the password is in it.
    """

    variable: str
    dsns: tuple[str, ...] = field(repr=False)
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    options: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None
    connect_seconds: float | None = None
    pooler: bool = False
    asks_for_tls: bool = False

    def arguments(self, dsn: str) -> dict[str, Any]:
        """Return what asyncpg is to be told to connect to one of `dsns`."""
        return {"dsn": dsn} if self.tls is None else {"dsn": dsn, "ssl": self.tls}


def parse_address(url: str, variable: str = "KPI_DATABASE_URL") -> Address:
    """Read a URL; raise ConfigurationError, which shows names of parameters and files at most."""
    try:
        return _parse(url.strip(), variable)
    except ValueError:
        # Its message may quote the password.
        raise ConfigurationError(f"{variable} is no URL such as {EXAMPLE}") from None


def _parse(url: str, variable: str) -> Address:
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise ConfigurationError(f"{variable} must begin with postgresql://, as in {EXAMPLE}")
    rest = url[scheme.end() :]
    require_escaped(rest, variable)
    place, _, query = rest.partition("?")
    login, has_login, host_and_database = place.rpartition("@")
    hosts, _, database = host_and_database.partition("/")
    parts = Parameters(variable)
    told = dict(parse_qsl(query.strip("&"), keep_blank_values=True))
    for name, value in (_of_service(told, login, hosts, database, variable) | told).items():
        if value or is_flag(name):
            parts.take(name, value)
    _take_password(parts.known, login, hosts, database)
    ports = [f":{port}" for port in parts.known.get("port", "").split(",")]
    _require_ports([*hosts.split(","), *parts.known.get("host", "").split(","), *ports], variable)
    tls = _tls(parts.known, variable)
    attributes = parts.known.get("target_session_attrs", "any")
    if attributes not in _ATTRIBUTES:
        raise ConfigurationError(
            f"target_session_attrs in {variable} must be one of {', '.join(_ATTRIBUTES)}"
        )
    return Address(
        variable,
        tuple(
            f"postgresql://{login}{has_login}{each}"
            # With a slash alone the driver would not look at PGDATABASE.
            + (f"/{database}" if database else "")
            + ("?" + urlencode(known, quote_via=quote) if known else "")
            for each, known in _orders(hosts, parts.known)
        ),
        MappingProxyType({k: v for k, v in parts.settings.items() if k.lower() not in _OURS}),
        " ".join(parts.options),
        tls,
        parts.connect_seconds,
        parts.pooler,
        tls is not None or parts.known.get("sslmode", "prefer") not in {"prefer", "disable"},
    )


def _of_service(
    told: dict[str, str], login: str, hosts: str, database: str, variable: str
) -> dict[str, str]:
    """Return what the service that the URL or PGSERVICE names adds to the rest of the URL."""
    named = told.pop("service", "")
    if not named and not hosts and "host" not in told:
        named = PgVariables().service
    if not named:
        return {}
    user, _, password = login.partition(":")
    said = {"user": user, "password": password, "host": hosts, "port": hosts, "dbname": database}
    return {
        name: value
        for name, value in libpq_files.service(named, variable).items()
        if not said.get(name)
    }


def _take_password(known: dict[str, str], login: str, hosts: str, database: str) -> None:
    user, _, password = login.partition(":")
    if password or known.get("password"):
        return
    places = [unquote(each) for each in hosts.split(",")] if hosts else []
    split = [re.fullmatch(r"\[?(.*?)\]?(?::(\d+))?", each) for each in places]
    said = {
        "user": unquote(user),
        "dbname": unquote(database),
        "host": ",".join(each[1] for each in split if each),
        "port": ",".join(each[2] or "5432" for each in split if each),
    }
    found = libpq_files.escaped_password(known | {k: v for k, v in said.items() if v})
    if found is not None:
        known["password"] = found


def _orders(hosts: str, known: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the hosts, and the parameters, in each order that begins with another host."""
    lists = {
        name: known[name].split(",") for name in ("host", "port") if "," in known.get(name, "")
    }
    count = max(len(hosts.split(",")), *(len(each) for each in lists.values()), 1)
    for first in range(count):
        turned = {name: ",".join(each[first:] + each[:first]) for name, each in lists.items()}
        places = hosts.split(",")
        yield ",".join(places[first:] + places[:first]), known | turned


def require_escaped(rest: str, variable: str) -> None:
    """Refuse characters that end a part of a URL where they were meant as one of a password's."""
    if "#" in rest:
        raise _unescaped("#", variable)
    if re.search(r"%(?![0-9A-Fa-f]{2})", rest):
        raise _unescaped("%", variable)
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    if authority.count("@") > 1:
        raise _unescaped("@", variable)
    if "@" in authority:
        for bracket in "[]":
            if bracket in authority.partition("@")[0]:
                raise _unescaped(bracket, variable)
    place, _, query = rest.partition("?")
    if "@" in place.removeprefix(authority):
        raise _unescaped("@" if "@" in authority else "/", variable)
    if "@" in authority:
        if "@" in query and "=" not in query.partition("@")[0]:
            raise _unescaped("?", variable)
        return
    if "@" in query and (
        "=" not in query.partition("@")[0] or not all(map(_has_port, authority.split(",")))
    ):
        raise _unescaped("?", variable)


def _unescaped(character: str, variable: str) -> ConfigurationError:
    return ConfigurationError(
        f"encode {character} as {quote(character, safe='')} in {variable}, such as in its "
        "password: as it is, it ends a part of the URL"
    )


def _require_ports(hosts: list[str], variable: str) -> None:
    if not all(map(_has_port, hosts)):
        raise ConfigurationError(
            f"a port in {variable} is no number from 1 to 65535; write it as in {EXAMPLE}, with "
            "the special characters of a password percent-encoded"
        )


def _has_port(host: str) -> bool:
    """Whether the port of `host`, or `host:port`, is one; without any it is the default."""
    host = unquote(host)
    port = "" if host.startswith("/") else host.rpartition("]")[2].partition(":")[2]
    return not port or (port.isascii() and port.isdigit() and 0 < int(port) < 65_536)


def _tls(known: dict[str, str], variable: str) -> ssl.SSLContext | None:
    """Check how the link is to be encrypted; return a context where asyncpg cannot make it."""
    mode = known.get("sslmode")
    if mode == "no-verify":
        # As drivers for node call it.
        mode = known["sslmode"] = "require"
    if mode == "allow":
        # The driver gives up where a pooler insists on TLS; both take what there is.
        mode = known["sslmode"] = "prefer"
    if mode is not None and mode not in _MODES:
        raise ConfigurationError(f"sslmode in {variable} must be one of {', '.join(_MODES)}")
    if known.get("sslrootcert") == "system":
        if mode not in {None, "verify-full"}:
            raise ConfigurationError(
                f"sslrootcert=system in {variable} needs sslmode=verify-full beside it"
            )
        del known["sslrootcert"]
        known.pop("sslmode", None)
        return ssl.create_default_context()
    _require_files(known, variable)
    return None


def _require_files(known: Mapping[str, str], variable: str) -> None:
    trial = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name in ("sslrootcert", "sslcrl", "sslkey", "sslcert"):
        path = known.get(name)
        if path is None:
            continue
        try:
            if name == "sslcert":
                trial.load_cert_chain(
                    path, known.get("sslkey"), password=lambda: known.get("sslpassword", "")
                )
            elif name == "sslkey":
                open(path, "rb").close()  # noqa: PTH123
            else:
                trial.load_verify_locations(cafile=path)
        except ssl.SSLError as error:
            raise ConfigurationError(
                f"{name} in {variable} names {path}, which is of no use: {error.reason or error}"
            ) from None
        except OSError as error:
            raise unreadable(name, variable, path, error) from None


def unreadable(name: str, variable: str, path: object, error: OSError) -> ConfigurationError:
    """Return the error for a file that a parameter of a URL names and that cannot be read."""
    return ConfigurationError(
        f"{name} in {variable} names {path}, which cannot be read: {error.strerror}"
    )
