"""The tasks of one connection, in the form that Hypercorn's protocols ask for."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

Message = Any
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Answer = Callable[[Any, Receive, Send], Awaitable[None]]

MAX_MESSAGES = 10
"""Pieces of a request's body that are kept for an app that has not asked for them yet."""

REST_SECONDS = 1.0
"""How long the end of an answer waits for the end of a request that it did not need."""

_log = logging.getLogger(__name__)


class RequestInput:
    """What a client sends for one request, until the app takes it.

    The client waits while the app does not take what came. An app that has ended never will, so
    from then on all is forgotten; and that the client is gone is told without waiting.
    """

    __slots__ = ("_changed", "_ended", "_messages", "complete")

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self._changed = asyncio.Event()
        self._ended = False
        self.complete = False

    async def put(self, message: Message) -> None:
        """Keep a message for the app; wait while it has enough."""
        last = message["type"].endswith(".disconnect")
        while not last and not self._ended and len(self._messages) >= MAX_MESSAGES:
            self._changed.clear()
            await self._changed.wait()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self.complete = True
        if not self._ended:
            self._messages.append(message)
        self._changed.set()

    async def get(self) -> Message:
        """Return the next message once it is there."""
        while not self._messages:
            self._changed.clear()
            await self._changed.wait()
        self._changed.set()
        return self._messages.popleft()

    def end(self) -> None:
        """Forget what there is and all that comes: the app has ended."""
        self._ended = True
        self._messages.clear()
        self._changed.set()

    async def rest(self) -> None:
        """Let the rest of the body come and forget it, so that the connection can be used again.

        A body that takes long is given up with its connection.
        """
        self.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(REST_SECONDS):
                while not self.complete:
                    self._changed.clear()
                    await self._changed.wait()


class RequestTasks:
    """Runs `answer` for each request of a connection, in a task of `group`.

    `busy` is told when the first of the running requests begins and when the last has ended.
    """

    __slots__ = ("_answer", "_busy", "_changed", "_group", "_others", "_running")

    def __init__(
        self, group: asyncio.TaskGroup, answer: Answer, busy: Callable[[bool], None]
    ) -> None:
        self._group = group
        self._answer = answer
        self._busy = busy
        self._running: dict[RequestInput, asyncio.Task[None]] = {}
        self._others: list[asyncio.Task[None]] = []
        self._changed: asyncio.Event | None = None

    async def spawn_app(self, app: object, config: object, scope: Any, send: Send) -> Any:
        """Begin to answer a request; return what its client's messages are put into with."""
        request = RequestInput()
        if not self._running:
            self._busy(True)
        self._running[request] = self._group.create_task(self._run(request, scope, send))
        return request.put

    def spawn(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Run something else of the protocol's until the connection ends."""
        self._others.append(self._group.create_task(function(*arguments)))

    def cancel(self) -> None:
        """End all that is running."""
        for task in (*self._running.values(), *self._others):
            task.cancel()

    async def answered(self) -> None:
        """Wait, after the input's end, until all that can still be answered has been."""
        while self._running and all(request.complete for request in self._running):
            self._changed = asyncio.Event()
            await self._changed.wait()

    async def _run(self, request: RequestInput, scope: Any, send: Send) -> None:
        async def send_after_body(message: Message) -> None:
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if last and not request.complete:
                await request.rest()
            await send(message)

        try:
            await self._answer(scope, request.get, send if request.complete else send_after_body)
        except Exception:
            _log.exception("a request failed")
        finally:
            request.end()
            del self._running[request]
            if self._changed is not None:
                self._changed.set()
        # Hypercorn's word for "the app has ended".
        await send(None)
        if not self._running:
            self._busy(False)
