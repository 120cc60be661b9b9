"""Durations, time zones and paths as settings write them."""

from __future__ import annotations

import difflib
import re
from datetime import timedelta
from importlib import resources
from importlib.resources.abc import Traversable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator

_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[^/\x00-\x1f\x7f]+)+")
_NOT_IN_PATHS = re.compile(r"[?#\\\s]|%2f", re.IGNORECASE)

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}

_NOT_IN_BROWSERS = frozenset({"Factory", "localtime", "posixrules"})
"""Names in the tz database that Intl.DateTimeFormat refuses, so that no page could show days."""


def parse_duration(text: str) -> timedelta:
    """Read `90`, `90s`, `5m`, `2h` or `1d`; raises ValueError."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(min|[smhd]?)", text.strip().lower())
    if match is None:
        raise ValueError("write a duration as a number and s, m, h or d, such as 2h")
    try:
        return timedelta(seconds=float(match[1]) * _UNITS[match[2] or "s"])
    except (OverflowError, ValueError):
        raise ValueError("this is longer than any clock will run") from None


def _duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration)]


def lower(value: Any) -> Any:
    """Return a word in small letters: people write JWT."""
    return value.strip().lower() if isinstance(value, str) else value


def zone_rules(name: str) -> Traversable:
    """Return the file with the newest rules of a zone: a system's own may be years behind."""
    return resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))


def require_zone(name: str) -> None:
    """Raise ValueError unless PostgreSQL, Python and browsers know the zone."""
    try:
        if name in _NOT_IN_BROWSERS:
            raise ValueError
        ZoneInfo(name)
        zone_rules(name).open("rb").close()
    except (KeyError, ValueError, OSError):
        raise ValueError(f"this is no time zone; write one such as {_nearest_zone(name)}") from None


def _nearest_zone(name: str) -> str:
    zones = zone_rules("tzdata.zi").read_text(encoding="utf-8")
    lines = (line.split() for line in zones.splitlines())
    known = {words[-1 if words[0] == "L" else 1] for words in lines if words[:1] in (["L"], ["Z"])}
    folded = {zone.casefold(): zone for zone in known}
    wanted = name.strip().replace(" ", "_").casefold()
    found = difflib.get_close_matches(wanted, folded, n=1, cutoff=0.75)
    cities = {zone.rpartition("/")[2].casefold(): zone for zone in sorted(known)}
    return folded[found[0]] if found else cities.get(wanted, "Europe/Berlin")


def network(word: str) -> IPv4Network | IPv6Network | None:
    """Return the network that a word names, None for `unix`; raise ValueError."""
    return None if word == "unix" else ip_network(word)


def path_prefix(text: str) -> str:
    """Read `/kpi`, `/plant/kpi/` or `/k%C3%BCche`; return it decoded, without a slash at its end.

    Raises ValueError.
    """
    path = unquote(text).rstrip("/")
    if path and (_NOT_IN_PATHS.search(text) or _PATH.fullmatch(path) is None):
        raise ValueError(f"{text!r} is no path; write it such as /kpi")
    return path


PathPrefix = Annotated[str, AfterValidator(path_prefix)]


def require_safe_url(url: str) -> None:
    """Raise ValueError for a URL that somebody on the way could answer instead."""
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme, parts.hostname) not in (
        ("http", "localhost"),
        ("http", "127.0.0.1"),
        ("http", "::1"),
    ):
        raise ValueError("KPI_JWKS_URL must begin with https://, or anybody on the way makes keys")
