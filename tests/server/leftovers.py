"""What requests leave behind that have ended: nothing."""

from __future__ import annotations

import asyncio
import gc

from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.http_stream import HTTPStream
from quart.asgi import ASGIHTTPConnection

from app.live.subscriber import QueuedSubscriber
from app.server.connection import Connection
from tests.server.stage import idle

FREED = (ProtocolWrapper, HTTPStream, ASGIHTTPConnection, Connection, QueuedSubscriber)


async def leftovers() -> list[object]:
    """Return the objects of requests that are still alive when they should all have ended."""
    await idle()
    gc.collect()
    return [thing for thing in gc.get_objects() if isinstance(thing, FREED)]


async def tasks() -> set[str]:
    """Return what runs when all requests should have ended."""
    await idle()
    return {repr(task.get_coro()) for task in asyncio.all_tasks()}
