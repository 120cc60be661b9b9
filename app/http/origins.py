"""Which other sites' pages may read what is served here, as the embedded tile does (Fetch, 3.3)."""

from __future__ import annotations

from quart import Quart, Response, request

from ..settings import Settings

EXPOSED = "Date, ETag, Retry-After"


def install(app: Quart, settings: Settings) -> None:
    """Let the pages of the origins in the settings read the responses of `app`; by default none.

    All requests are simple ones (GET without headers of their own), so there is no preflight.
    """
    allowed = settings.origins
    if not allowed:
        return

    @app.after_request
    async def allow(response: Response) -> Response:
        origin = request.headers.get("Origin")
        response.vary.add("Origin")
        if origin is not None and ("*" in allowed or origin in allowed):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = EXPOSED
        return response
