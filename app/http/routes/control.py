"""Whether the process is alive and ready, for those who run it."""

from __future__ import annotations

from quart import Quart, Response

from ...access.caller import Right
from ...errors import UnavailableError
from ...metrics import CONTENT_TYPE
from ...service import Service
from .. import auth


def install_probe(app: Quart) -> None:
    """Add the route that says that the process is alive."""

    @app.get("/livez")
    async def alive() -> Response:
        return Response(b"alive\n", content_type="text/plain; charset=utf-8")


def install_admin(app: Quart, service: Service, *, guarded: bool = True) -> None:
    """Add readiness and counts; `guarded`: counts are for callers who may read them."""

    @app.get("/readyz")
    async def ready() -> Response:
        if service.hub.draining:
            raise UnavailableError("the server is shutting down")
        await service.repository.clock()
        return Response(b"ready\n", content_type="text/plain; charset=utf-8")

    @app.get("/metrics")
    async def metrics() -> Response:
        if guarded:
            auth.caller().require(Right.READ_METRICS)
        return Response(service.report.page(), content_type=CONTENT_TYPE)
