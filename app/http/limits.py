"""Counts requests and streams by the client's address, and by who it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from quart import Quart, g, request

from ..access.caller import Caller
from ..access.limits import Place
from ..service import Service
from .client_address import TrustedProxies

UNCOUNTED = frozenset({"alive", "ready"})
"""Probes must not make a server look dead that is only asked a lot."""


def count_addresses(app: Quart, service: Service) -> None:
    """Count every request by its address, before anything is done for it."""
    limits = service.limits
    if not limits.limits_rates:
        return
    proxies = TrustedProxies.of(service.settings)

    @app.before_request
    async def count() -> None:
        if request.endpoint not in UNCOUNTED:
            limits.request(f"address {proxies.client(request.scope).group}")


def count_subjects(app: Quart, service: Service) -> None:
    """Count the requests of everybody who is known, from wherever they come."""
    limits = service.limits
    if not limits.limits_rates:
        return

    @app.before_request
    async def count() -> None:
        caller: Caller | None = g.get("caller")
        if caller is not None and caller.counted_as is not None:
            limits.request(f"subject {caller.counted_as}")


def make_places(service: Service) -> Callable[[Mapping[str, Any], Caller], Place | None]:
    """Return what takes a place for the stream of an ASGI scope; it raises TooManyStreamsError."""
    proxies, limits = TrustedProxies.of(service.settings), service.limits

    def take(scope: Mapping[str, Any], caller: Caller) -> Place | None:
        address = proxies.client(scope).group if limits.limits_addresses else ""
        return limits.stream(address, caller.counted_as)

    return take
