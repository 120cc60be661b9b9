"""What `KPI_BIND` says: where to listen."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from ipaddress import ip_address

_UNIX_PATH_BYTES = 103
"""The shortest that systems allow, macOS's, less the final zero."""

_HELP = "write 127.0.0.1:8000 for this machine only, 0.0.0.0:8000 for everybody, or unix:/path"


@dataclass(frozen=True, slots=True)
class Bind:
    """An address and a port, the path of a Unix socket, or an inherited socket's descriptor."""

    host: str = ""
    port: int = 0
    path: str | None = None
    descriptor: int | None = None

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it; of an inherited socket it is not known."""
        if self.descriptor is not None:
            return False
        if self.path is not None or self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def url(self, scheme: str = "http") -> str:
        """Return the URL at which this machine reaches it, or for a Unix socket its name."""
        if self.path is not None:
            return f"unix:{self.path}"
        if self.descriptor is not None:
            return f"fd://{self.descriptor}"
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def __str__(self) -> str:
        if self.path is not None or self.descriptor is not None:
            return self.url()
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def parse_bind(text: str) -> Bind:
    """Read where to listen; raises ValueError with what to write instead."""
    if text.startswith("unix:"):
        return _unix(text.removeprefix("unix:"))
    if match := re.fullmatch(r"fd://(\d{1,9})", text):
        return Bind(descriptor=int(match[1]))
    if "/" in text:
        raise ValueError(f"{text!r} is no address; {_HELP}")
    if text.isdecimal():
        raise ValueError(f"{text!r} names no address; {_HELP}")
    host, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]+", port):
        raise ValueError(f"{text!r} names no port; {_HELP}")
    if len(port) > 5 or int(port) > 65_535:
        raise ValueError(f"port {port} is not between 0 and 65535")
    return Bind(_host(host, text), int(port))


def _unix(path: str) -> Bind:
    if not path or "\0" in path:
        raise ValueError("unix: names no path; write unix:/run/kpi-stream.sock")
    if len(os.fsencode(path)) > _UNIX_PATH_BYTES:
        raise ValueError(f"the Unix socket's path is longer than {_UNIX_PATH_BYTES} bytes")
    return Bind(path=path)


def _host(host: str, text: str) -> str:
    if host == "":
        return "0.0.0.0"  # noqa: S104
    bracketed = re.fullmatch(r"\[(.*)\]", host)
    if bracketed is None:
        if ":" in host:
            raise ValueError(f"{text!r} is ambiguous; write an IPv6 address as in [::1]:8000")
        if not re.fullmatch(r"[A-Za-z0-9._-]+", host):
            raise ValueError(f"{host!r} is no address; {_HELP}")
        return host
    try:
        if ip_address(bracketed[1].partition("%")[0]).version == 6:
            return bracketed[1]
    except ValueError:
        pass
    raise ValueError(f"{bracketed[1]!r} is no IPv6 address")
