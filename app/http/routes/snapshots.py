"""The catalogue and the snapshots."""

from __future__ import annotations

from quart import Quart, Response, request

from ...live import events
from ...live.events import Encoded
from ...service import Service
from .. import parameters


def install(app: Quart, service: Service) -> None:
    """Add the routes under `/kpi` that answer at once."""

    @app.get("/kpi")
    async def catalogue() -> Response:
        entries = await service.catalogue.entries()
        return _conditional(
            events.encode(
                {
                    "kpis": [events.catalogue_json(entry) for entry in entries],
                    "timezone": service.settings.timezone,
                    "heartbeat_seconds": service.settings.heartbeat_seconds,
                }
            )
        )

    @app.get("/kpi/<code>")
    async def snapshot(code: str) -> Response:
        channel = parameters.channel(request, code)
        history = parameters.history(request)
        if service.hub.live(channel) is None:
            await service.catalogue.require(channel.code)
        return _conditional(await service.snapshots.get(channel, history))


def _conditional(encoded: Encoded) -> Response:
    """Return the body, or 304 to a client that says it has it (RFC 9110, 13.1.2)."""
    headers = {"ETag": f'"{encoded.etag}"', "Cache-Control": "no-cache"}
    if request.if_none_match.contains_weak(encoded.etag):
        return Response(b"", 304, headers)
    return Response(encoded.body, 200, headers, content_type="application/json")
