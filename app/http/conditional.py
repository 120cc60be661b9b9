"""Answers that are not sent again to those who have them (RFC 9110, 13)."""

from __future__ import annotations

from quart import Response, request


async def conditional(response: Response, etag: str) -> Response:
    """Return the response with its validator, or 304 to a client that says it has it."""
    response.set_etag(etag)
    if "If-None-Match" in request.headers:
        await response.make_conditional(request)
    return response
