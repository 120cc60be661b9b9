"""Errors as RFC 9457 problem+json, in the one place where they become HTTP."""

from __future__ import annotations

import logging
from http import HTTPStatus

from quart import Quart, Response, request
from werkzeug.exceptions import HTTPException

from ..errors import KpiStreamError, UnauthorizedError
from ..live import events
from .streaming import is_stream, refused_stream
from .trouble_log import TroubleLog

PROBLEM_HEADERS = ((b"content-type", b"application/problem+json"), (b"cache-control", b"no-store"))

log = logging.getLogger(__name__)


def problem_json(status: int, detail: str, title: str | None = None) -> bytes:
    """Return the body of a problem; its title is by default what HTTP calls the status."""
    title = title or HTTPStatus(status).phrase
    return events.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail})


def problem(
    status: int, title: str, detail: str, headers: dict[str, str] | None = None
) -> Response:
    """Return a problem as a response."""
    body = problem_json(status, detail, title)
    response = Response(body, status, headers, content_type="application/problem+json")
    response.headers["Cache-Control"] = "no-store"
    return response


def install(app: Quart, trouble: TroubleLog) -> None:
    """Make every error of `app` a problem."""

    async def known(error: KpiStreamError) -> Response:
        trouble.note(error)
        if error.retry_after_seconds is not None and is_stream(request):
            return refused_stream(error)
        headers = {}
        if isinstance(error, UnauthorizedError):
            headers["WWW-Authenticate"] = 'Bearer realm="kpi-stream"'
        if error.retry_after_seconds is not None:
            headers["Retry-After"] = str(error.retry_after_seconds)
        return problem(error.status, error.title, error.public, headers)

    async def of_http(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or 500)
        headers = {name: value for name, value in error.get_headers() if name == "Allow"}
        return problem(status, status.phrase, error.description or status.phrase, headers)

    async def unknown(error: Exception) -> Response:
        log.error("an unexpected error", exc_info=error)
        return problem(500, "Internal error", "The server has logged what went wrong.")

    app.register_error_handler(KpiStreamError, known)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(Exception, unknown)
