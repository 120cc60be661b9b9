"""All that is relied on in Hypercorn; `tests/server/test_hypercorn_contract.py` pins it.

Names: those imported here, and nowhere else. Behaviour, besides what its documentation says:

- `TCPServer(app, loop, config, context, state, reader, writer)` is awaited for the life of one
  connection. Of the reader it uses `at_eof` and `read`; of the writer `get_extra_info` (before
  the first read), `write`, `drain`, `write_eof`, `close` and `wait_closed`.
- It calls its `app` once a request, as `app(scope, receive, send, sync_spawn, call_soon)`; a scope
  of type `http` has a dict under `extensions`, and `http_version` "1.0", "1.1" or "2".
- While an HTTP/1.x request is being answered it waits in `read()`, unless the client has sent
  more than that request: then it waits, for ever if need be, for the answer's end.
- An empty `read()` followed by `at_eof()` makes it tell each request `http.disconnect`.
- It closes a connection that has not completed a request head within `keep_alive_timeout` of its
  start or of the answer before, and at once when `context.terminated` is set.
- A task of its own in `TaskGroup` runs the app; cancelling the connection's task cancels that too,
  and Quart then orphans its handler: only cancel when no request is being answered.
"""

from __future__ import annotations

from hypercorn.asyncio.lifespan import Lifespan
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config, Sockets
from hypercorn.typing import AppWrapper, ASGIFramework, LifespanState
from hypercorn.utils import LifespanFailureError, LifespanTimeoutError, wrap_app

__all__ = [
    "ASGIFramework",
    "AppWrapper",
    "Config",
    "Lifespan",
    "LifespanFailureError",
    "LifespanState",
    "LifespanTimeoutError",
    "Sockets",
    "TCPServer",
    "WorkerContext",
    "wrap_app",
]
