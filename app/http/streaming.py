"""What every answer with a stream has in common, those that refuse one included."""

from __future__ import annotations

from quart import Request, Response
from werkzeug.datastructures import Headers

from ..errors import KpiStreamError
from ..live import events

BUSY_RETRY_MILLISECONDS = (3000, 9000)
"""How long a client waits before it comes back after a refusal, at random."""

STREAM = "stream:"
"""How the names of the endpoints begin that answer with a stream."""

HEADERS = Headers(
    {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-cache, no-transform",
        "X-Accel-Buffering": "no",
    }
)


def is_stream(request: Request) -> bool:
    """Tell whether an EventSource may be waiting for the answer."""
    return (request.endpoint or "").startswith(STREAM)


def refused_stream(error: KpiStreamError) -> Response:
    """Return a stream that says only when to come back.

    An EventSource gives up for good on any other status than 200.
    """
    return Response(refusal(error), 200, HEADERS.copy())


def refusal(error: KpiStreamError) -> bytes:
    """Return a jittered `retry:` and the reason as a comment."""
    return events.retry(BUSY_RETRY_MILLISECONDS) + f": {error.public}\n\n".encode()
