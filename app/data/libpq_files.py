"""What libpq finds outside of a URL: services, the variables that name them, and passwords.

The driver reads these files too, but takes a service that is nowhere for none, leaves out what it
does not know of one, and does not undo the escapes in a password.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from getpass import getuser
from pathlib import Path

from ..errors import ConfigurationError
from ..pg_variables import PgVariables


def service(name: str, variable: str) -> Mapping[str, str]:
    """Return what a service's section says; raise ConfigurationError where there is none."""
    said = PgVariables()
    places = [
        said.servicefile or Path.home() / ".pg_service.conf",
        said.sysconfdir / "pg_service.conf",
    ]
    for place in places:
        sections = configparser.ConfigParser(interpolation=None, delimiters=("=",))
        try:
            sections.read_string(place.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no service file"
            raise ConfigurationError(f"{place}, for {variable}, cannot be read: {reason}") from None
        if sections.has_section(name):
            return dict(sections.items(name))
    raise ConfigurationError(
        f"{variable} asks for the service {name}, which has no section [{name}] in "
        + " or ".join(map(str, places))
    )


def escaped_password(known: Mapping[str, str]) -> str | None:
    """Return the password in libpq's password file, if it has escapes there.

    `known` has the host, port, database and user as far as the URL or a service says them.
    """
    said = PgVariables()
    if said.password is not None:
        return None
    found = _line(known, said)
    return None if found is None or "\\" not in found else re.sub(r"\\(.)", r"\1", found)


def _line(known: Mapping[str, str], said: PgVariables) -> str | None:
    user = known.get("user") or said.user or getuser()
    database = known.get("dbname") or said.database or user
    host = known.get("host") or said.host
    port = known.get("port") or said.port
    hosts = ["localhost" if each.startswith("/") else each for each in host.split(",")]
    ports = port.split(",")
    places = list(
        zip(hosts, ports if len(ports) == len(hosts) else ports * len(hosts), strict=False)
    )
    named = known.get("passfile")
    file = Path(named) if named else said.passfile or Path.home() / ".pgpass"
    try:
        if file.stat().st_mode & 0o077:
            # The driver warns of it, and does not read it either.
            return None
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    for each_host, each_port in places:
        for line in lines:
            fields = re.match(r"((?:\\.|[^:\\])*):" * 4 + "(.*)", line)
            if fields is None or line.startswith("#"):
                continue
            *wanted, password = fields.groups()
            here = (each_host, each_port, database, user)
            if all(
                w == "*" or re.sub(r"\\(.)", r"\1", w) == h
                for w, h in zip(wanted, here, strict=True)
            ):
                return password
    return None
