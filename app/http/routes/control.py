"""Whether the process is alive and ready, for those who run it."""

from __future__ import annotations

from quart import Blueprint, Response

from app.errors import UnavailableError
from app.metrics import CONTENT_TYPE
from app.service import Service


def blueprint(service: Service) -> Blueprint:
    """Return the routes for probes."""
    routes = Blueprint("control", __name__)

    @routes.get("/livez")
    async def alive() -> Response:
        return Response(b"alive\n", content_type="text/plain; charset=utf-8")

    @routes.get("/readyz")
    async def ready() -> Response:
        if service.hub.draining:
            raise UnavailableError("the server is shutting down")
        await service.repository.clock()
        return Response(b"ready\n", content_type="text/plain; charset=utf-8")

    @routes.get("/metrics")
    async def metrics() -> Response:
        return Response(service.report.page(), content_type=CONTENT_TYPE)

    return routes
