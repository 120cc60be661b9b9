"""The description of the interface, and a page that shows it."""

from __future__ import annotations

from quart import Quart, Response

from ...live import events
from ..conditional import conditional
from ..openapi.document import make_document


def install(app: Quart) -> None:
    """Add the route of the description."""
    encoded = events.encode(make_document())

    @app.get("/openapi.json")
    async def openapi() -> Response:
        response = Response(encoded.body, content_type="application/json")
        response.headers["Cache-Control"] = "no-cache"
        return await conditional(response, encoded.etag)
