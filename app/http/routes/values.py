"""Writing raw rows."""

from __future__ import annotations

import asyncio

from quart import Quart, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from ...access.caller import Right
from ...data.writing import MAX_KEY_LENGTH, Writer, read_rows
from ...errors import ForbiddenError, InvalidParameterError
from ...live import events
from ...models import parse_code
from ...service import Service
from .. import auth

MAX_BODY_BYTES = 8 * 1024 * 1024
TOO_LARGE = "a request has up to 8 MiB of rows; send several, or use kpi-stream import"


def install(app: Quart, service: Service) -> None:
    """Add the routes that take rows, as JSON lines or CSV."""
    writer = Writer(service.database)

    @app.post("/kpi/<code>/values")
    async def write_one(code: str) -> Response:
        return await write(parse_code(code))

    @app.post("/values")
    async def write_many() -> Response:
        return await write(None)

    async def write(code: str | None) -> Response:
        caller = auth.caller()
        if auth.is_foreign(request):
            raise ForbiddenError("a page of another site may not write here")
        if code is not None:
            caller.require(Right.WRITE_ROWS, [code])
        key = request.headers.get("Idempotency-Key")
        if key is not None and not 1 <= len(key) <= MAX_KEY_LENGTH:
            raise InvalidParameterError(f"Idempotency-Key has 1 to {MAX_KEY_LENGTH} characters")
        if (request.content_length or 0) > MAX_BODY_BYTES:
            raise RequestEntityTooLarge(TOO_LARGE)
        body: bytes = await request.data
        if len(body) > MAX_BODY_BYTES:
            raise RequestEntityTooLarge(TOO_LARGE)
        # A large body takes a while to read, and others share this event loop.
        rows = await asyncio.to_thread(read_rows, body, code)
        caller.require(Right.WRITE_ROWS, dict.fromkeys(row.code for row in rows))
        written = await writer.write(rows, owner=caller.subject, key=key)
        answer = {"rows": written.rows, "repeated": written.repeated}
        return Response(events.dumps(answer), content_type="application/json")
