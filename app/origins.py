"""Sites as browsers write them: origins (RFC 6454) and the hosts of URLs, in one normal form."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

EVERY = "*"
"""Stands in a list for all sites or hosts."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[^\s\0-\x1f\x7f:/?#@\[\]\\]+)")


def split(text: str) -> list[str]:
    """Return the items of a list written with commas, spaces or both."""
    return re.split(r"[,\s]+", text.strip(", \t\r\n")) if text.strip(", \t\r\n") else []


def parse_origins(text: str) -> frozenset[str]:
    """Return the origins of a list as browsers send them; raise ValueError."""
    return frozenset(item if item == EVERY else parse_origin(item) for item in split(text))


def parse_origin(text: str) -> str:
    """Return an origin in lower case and without its scheme's own port; raise ValueError."""
    try:
        parts = urlsplit(text)
        port = parts.port
        host = parse_host(parts.hostname or "")
    except ValueError:
        raise _no_origin(text) from None
    if parts.scheme not in _DEFAULT_PORTS or parts.netloc.count("@") or port == 0:
        raise _no_origin(text)
    if parts.path or parts.query or parts.fragment or text.endswith(("?", "#", ":")):
        raise _no_origin(text)
    shown = f"[{host}]" if ":" in host else host
    default = port is None or port == _DEFAULT_PORTS[parts.scheme]
    return f"{parts.scheme}://{shown}" + ("" if default else f":{port}")


def parse_hosts(text: str) -> frozenset[str]:
    """Return the hosts of a list in their normal form; raise ValueError."""
    return frozenset(item if item == EVERY else parse_host(item) for item in split(text))


def parse_host(text: str) -> str:
    """Return a name or address in lower case, as browsers encode it; raise ValueError.

    A dot at its end is left out, and an IPv6 address loses its brackets.
    """
    try:
        return str(ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        pass
    if _HOST.fullmatch(text) is None or text.startswith("[") or EVERY in text:
        raise ValueError(f"{text!r} is no host; write one such as kpi.example, without a port")
    try:
        name = text.lower().removesuffix(".").encode("idna").decode()
        if "" in name.split("."):
            raise UnicodeError
        return name
    except UnicodeError:
        raise ValueError(f"{text!r} is no host; write one such as kpi.example") from None


def host_of(header: str) -> str:
    """Return the host of a `Host` header, without its port; raise ValueError."""
    match = re.fullmatch(rf"({_HOST.pattern})(:\d*)?", header)
    if match is None:
        raise ValueError(f"{header!r} is no host")
    if match["v6"] is not None:
        return str(IPv6Address(match["v6"]))
    return parse_host(match["name"])


def is_address(host: str) -> bool:
    """Tell whether a host is an IP address: no name server can make it another's."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _no_origin(text: str) -> ValueError:
    return ValueError(f"{text!r} is no origin; write one such as https://wiki.example")
