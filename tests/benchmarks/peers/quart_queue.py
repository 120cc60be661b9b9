"""What everybody writes first: Quart on Hypercorn, a queue and a generator for each client."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart, Response, request


def create_app() -> Quart:
    app = Quart(__name__)
    channels: dict[str, set[asyncio.Queue[bytes]]] = {}

    @app.get("/stream")
    async def stream() -> Response:
        queues = channels.setdefault(request.args["channel"], set())

        async def body() -> AsyncIterator[bytes]:
            queue: asyncio.Queue[bytes] = asyncio.Queue()
            queues.add(queue)
            try:
                yield b"retry: 3000\n\n"
                while True:
                    yield await queue.get()
            finally:
                queues.discard(queue)

        response = Response(body(), content_type="text/event-stream")
        response.timeout = None
        return response

    @app.post("/publish")
    async def publish() -> tuple[str, int]:
        for channel, event, data, last_id in await request.get_json(force=True):
            block = f"event: {event}\ndata: {data}\nid: {last_id}\n\n".encode()
            for queue in channels.get(channel, ()):
                queue.put_nowait(block)
        return "", 204

    @app.get("/hello")
    async def hello() -> str:
        return "hello"

    return app


if __name__ == "__main__":
    config = Config()
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    config.backlog = 4096
    config.keep_alive_max_requests = 2**31
    config.graceful_timeout = 1.0
    asyncio.run(serve(create_app(), config))
