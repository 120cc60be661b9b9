"""sse-starlette on uvicorn, a queue for each client as in its own examples."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Message = tuple[str, str, str]


def create_app() -> Starlette:
    channels: dict[str, set[asyncio.Queue[Message]]] = {}

    async def body(channel: str) -> AsyncIterator[Any]:
        queues = channels.setdefault(channel, set())
        queue: asyncio.Queue[Message] = asyncio.Queue()
        queues.add(queue)
        try:
            yield ServerSentEvent(retry=3000, sep="\n")
            while True:
                event, data, last_id = await queue.get()
                yield ServerSentEvent(data, event=event, id=last_id, sep="\n")
        finally:
            queues.discard(queue)

    async def stream(request: Request) -> Response:
        # Its pings would fall into the bursts.
        return EventSourceResponse(body(request.query_params["channel"]), ping=3600, sep="\n")

    async def publish(request: Request) -> Response:
        for channel, *message in await request.json():
            for queue in channels.get(channel, ()):
                queue.put_nowait((message[0], message[1], message[2]))
        return Response(status_code=204)

    routes = [Route("/stream", stream), Route("/publish", publish, methods=["POST"])]
    return Starlette(routes=routes)


if __name__ == "__main__":
    uvicorn.run(
        create_app(),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="error",
        access_log=False,
        backlog=4096,
        timeout_graceful_shutdown=1,
    )
