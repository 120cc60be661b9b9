"""Whether the process is alive and ready, for those who run it."""

from __future__ import annotations

from urllib.parse import quote

from quart import Quart, Response, request
from werkzeug.exceptions import NotFound

from ...access.caller import Right
from ...data.single_flight import SingleFlight
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
    root = quote(service.settings.root_path)
    looks: SingleFlight[str, float] = SingleFlight()

    def require_own_name() -> None:
        """Refuse `//metrics` and `/%6detrics`, which a proxy that refuses `/metrics` lets pass."""
        own = request.path.rstrip("/")
        if request.scope["raw_path"].decode("latin-1") not in (own, root + own):
            raise NotFound(f"this is only at {own}")

    @app.get("/readyz")
    async def ready() -> Response:
        require_own_name()
        if service.hub.draining:
            raise UnavailableError("the server is shutting down")
        # Anybody may ask, and is not counted: many at once are one to the database.
        await looks.do("clock", service.repository.clock)
        return Response(b"ready\n", content_type="text/plain; charset=utf-8")

    @app.get("/metrics")
    async def metrics() -> Response:
        require_own_name()
        if guarded:
            auth.caller().require(Right.READ_METRICS)
        return Response(service.report.page(), content_type=CONTENT_TYPE)
