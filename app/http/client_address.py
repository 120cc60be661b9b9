"""The client's address and scheme, as told by proxies that the settings name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from ..settings import Settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_HOPS = 32
"""Proxies that are looked back through; a header with more costs no more."""

_MAX_FORWARDED = 4096
_SCHEMES = ("http", "https")
# RFC 7239, 4: pairs of a token and a token or quoted string, separated by `;`.
_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PAIR = re.compile(rf'({_NAME})=(?:({_NAME})|"((?:[^"\\]|\\.)*)")')


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request comes from; `address` is None for one over a Unix socket."""

    address: Address | None
    scheme: str

    @property
    def group(self) -> str:
        """What limits are counted by: an IPv4 address, or the /64 of an IPv6 one.

        A single IPv6 customer has at least a /64, so single addresses would be no limit.
        """
        if self.address is None:
            return "unix"
        if isinstance(self.address, IPv6Address):
            return str(IPv6Network((int(self.address) >> 64 << 64, 64)))
        return str(self.address)


@dataclass(frozen=True, slots=True)
class _Hop:
    """What a proxy says of whoever asked it; the address is None where it is no address."""

    address: Address | None
    scheme: str | None


class TrustedProxies:
    """The networks of the proxies whose word on the client is believed."""

    def __init__(self, networks: Iterable[Network], *, unix: bool = False) -> None:
        self._networks = tuple(networks)
        self._unix = unix

    @classmethod
    def of(cls, settings: Settings) -> TrustedProxies:
        """Return those that the settings name."""
        return cls(settings.proxy_networks, unix=settings.trusts_unix)

    def __contains__(self, address: Address | None) -> bool:
        """Tell whether a peer is such a proxy; None is a peer over a Unix socket."""
        if address is None:
            return self._unix
        return any(address in network for network in self._networks)

    def trusts_peer(self, scope: Mapping[str, Any]) -> bool:
        """Tell whether it is a trusted proxy that an ASGI scope comes from."""
        return _peer(scope) in self

    def client(self, scope: Mapping[str, Any]) -> Client:
        """Return the client of an ASGI scope: the right-most address that is no trusted proxy's.

        `X-Forwarded-For` with `X-Forwarded-Proto`, or `Forwarded` (RFC 7239), is believed as far
        back as trusted proxies wrote it, so nothing that a client sends becomes its address. A
        proxy that writes one of the two passes the other on as the client made it up: where both
        are there and disagree, neither is believed. Nor is one that cannot be read to its end.
        """
        client = Client(_peer(scope), scope["scheme"])
        if client.address not in self:
            return client
        chains = [chain for chain in _chains(scope["headers"]) if chain is not None]
        found = {self._walk(client, chain) for chain in chains}
        return found.pop() if len(found) == 1 else client

    def _walk(self, client: Client, chain: Sequence[_Hop]) -> Client:
        """Go back over the hops, nearest first, as long as it is a trusted proxy that speaks."""
        for hop in chain:
            if client.address not in self or hop.address is None:
                break
            client = Client(hop.address, hop.scheme or client.scheme)
        return client


def _peer(scope: Mapping[str, Any]) -> Address | None:
    peer = scope.get("client")
    return None if peer is None else _address(str(peer[0]))


def _chains(headers: Iterable[tuple[bytes, bytes]]) -> tuple[list[_Hop] | None, list[_Hop] | None]:
    """Return the hops of either header, nearest first; None where the header is missing."""
    lines: dict[bytes, list[str]] = {}
    for name, value in headers:
        lines.setdefault(name.lower(), []).append(value.decode("latin-1"))
    x_forwarded = lines.get(b"x-forwarded-for")
    forwarded = lines.get(b"forwarded")
    return (
        None
        if x_forwarded is None
        else _x_forwarded(x_forwarded, lines.get(b"x-forwarded-proto", [])),
        None if forwarded is None else _forwarded(",".join(forwarded)),
    )


def _x_forwarded(fors: Sequence[str], protos: Sequence[str]) -> list[_Hop]:
    addresses = _last_items(fors)
    schemes = _last_items(protos)
    if len(schemes) != len(addresses):
        # Proxies replace it rather than add to it: the nearest one's word stands for all.
        schemes = schemes[:1] * len(addresses)
    return [
        _Hop(_address(address), _scheme(scheme))
        for address, scheme in zip(addresses, schemes or [""] * len(addresses), strict=True)
    ]


def _last_items(lines: Sequence[str]) -> list[str]:
    """Return the items of a comma-separated header, last first, up to MAX_HOPS."""
    items = ",".join(lines).rsplit(",", MAX_HOPS)[-MAX_HOPS:]
    return [item.strip() for item in reversed(items)] if lines else []


def _forwarded(text: str) -> list[_Hop]:
    """Return the hops of a `Forwarded` header; none where a quote or comma could be misread."""
    if len(text) > _MAX_FORWARDED:
        return []
    hops: list[_Hop] = []
    pairs: dict[str, str] = {}
    at = 0
    while True:
        at = _skip_blanks(text, at)
        if match := _PAIR.match(text, at):
            name, token, quoted = match.groups()
            pairs[name.lower()] = token if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            at = _skip_blanks(text, match.end())
        separator = text[at : at + 1]
        if separator in ("", ","):
            hops.append(_Hop(_address(pairs.get("for", "")), _scheme(pairs.get("proto", ""))))
            pairs = {}
        elif separator != ";":
            return []
        if separator == "":
            return hops[: -MAX_HOPS - 1 : -1]
        at += 1


def _skip_blanks(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t"):
        at += 1
    return at


def _scheme(text: str) -> str | None:
    return text.lower() if text.lower() in _SCHEMES else None


def _address(text: str) -> Address | None:
    """Read an address, with or without brackets, port and zone; None where it is no address."""
    if text.startswith("["):
        text, _, _ = text[1:].partition("]")
    elif text.count(":") == 1:
        text, _, _ = text.partition(":")
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped  # as a socket for both families shows it
    return address
