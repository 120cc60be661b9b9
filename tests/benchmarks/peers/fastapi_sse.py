"""FastAPI's own Server-Sent Events on uvicorn, a queue for each client."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Annotated, Any

import fastapi.routing
import uvicorn
from fastapi import Body, FastAPI, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

Message = tuple[str, str, str]


def create_app() -> FastAPI:
    app = FastAPI()
    channels: dict[str, set[asyncio.Queue[Message]]] = {}

    async def stream(channel: Annotated[str, Query()]) -> AsyncIterator[Any]:
        queues = channels.setdefault(channel, set())
        queue: asyncio.Queue[Message] = asyncio.Queue()
        queues.add(queue)
        try:
            yield ServerSentEvent(retry=3000)
            while True:
                event, data, last_id = await queue.get()
                yield ServerSentEvent(raw_data=data, event=event, id=last_id)
        finally:
            queues.discard(queue)

    async def publish(messages: Annotated[list[Any], Body()]) -> None:
        for channel, *message in messages:
            for queue in channels.get(channel, ()):
                queue.put_nowait((message[0], message[1], message[2]))

    app.add_api_route("/stream", stream, response_class=EventSourceResponse)
    app.add_api_route("/publish", publish, methods=["POST"], status_code=204)
    return app


if __name__ == "__main__":
    # Its pings would fall into the bursts; there is no option for them.
    vars(fastapi.routing)["_PING_INTERVAL"] = 3600.0
    uvicorn.run(
        create_app(),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="error",
        access_log=False,
        backlog=4096,
        timeout_graceful_shutdown=1,
    )
