"""All that is relied on in Hypercorn; `tests/server/test_hypercorn_contract.py` pins it.

Names: those imported here, and nowhere else. Behaviour, besides what its documentation says:

- `ProtocolWrapper(app, config, context, task_group, state, ssl, client, server, send, alpn)` speaks
  HTTP/1.x or HTTP/2 on one connection. It is told what happens by `await handle(event)`, after
  `await initiate()`, and tells what to do by `await send(event)`. The events are `RawData`,
  `Closed` and, to say whether a request is under way, `Updated`; there are no others.
- It expects whoever owns the socket to close it once it has been idle for `keep_alive_timeout`
  since its start or the last `Updated(idle=True)`, and at once when `context.terminated` is set.
- It calls its `app` once a request, as `app(scope, receive, send, sync_spawn, call_soon)` in a task
  of the task group; a scope of type `http` has a dict under `extensions`, and `http_version` "1.0",
  "1.1" or "2". The task group ends when all of these have.
- `handle` returns while an HTTP/1.x request is being answered, unless the client has sent more
  than that request: then it waits, for ever if need be, for the answer's end.
- After `handle(Closed())` each request is told `http.disconnect`, and an answer that ends is not
  missed. Cancelling the task group cancels the app, and Quart's own ASGI connection then orphans
  its handler: only cancel when no request is being answered that way.
"""

from __future__ import annotations

from hypercorn.asyncio.lifespan import Lifespan
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config, Sockets
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol import ProtocolWrapper
from hypercorn.typing import AppWrapper, ASGIFramework, ConnectionState, LifespanState
from hypercorn.utils import (
    LifespanFailureError,
    LifespanTimeoutError,
    parse_socket_addr,
    wrap_app,
)

__all__ = [
    "ASGIFramework",
    "AppWrapper",
    "Closed",
    "Config",
    "ConnectionState",
    "Event",
    "Lifespan",
    "LifespanFailureError",
    "LifespanState",
    "LifespanTimeoutError",
    "ProtocolWrapper",
    "RawData",
    "Sockets",
    "TaskGroup",
    "Updated",
    "WorkerContext",
    "parse_socket_addr",
    "wrap_app",
]
