"""The load generator as a process of its own, on the load's core, told over a pipe what to do."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, cast

from tests.benchmarks.closed_loop import Answers, exchange
from tests.benchmarks.crowd import Arrivals, Crowd, Opened
from tests.benchmarks.machine import LOAD_CORE, raise_file_limit

PATIENCE_SECONDS = 120.0


class Generator:
    """Listeners and requests in another process; raises what went wrong there."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def open(
        self,
        port: int,
        requests: list[bytes],
        marker: bytes,
        *,
        small: int = 0,
        until_quiet: bool = True,
    ) -> Opened:
        opened = self._ask("open", port, requests, marker, small=small, until_quiet=until_quiet)
        return cast(Opened, opened)

    def begin_collecting(self, count: int, seconds: float, *, besides: int = 0) -> None:
        """Drain, then start to wait for the next burst; `arrivals` returns it."""
        self._ask("drain")
        self._pipe.send(("collect", (count, seconds), {"besides": besides}))

    def arrivals(self) -> Arrivals:
        return cast(Arrivals, self._answer())

    def listen(self, seconds: float) -> int:
        return cast(int, self._ask("listen", seconds))

    def stall(self, count: int) -> None:
        self._ask("stall", count)

    def close(self) -> None:
        self._ask("close")

    def exchange(
        self, port: int, request: bytes, *, connections: int, seconds: float, keep_alive: bool
    ) -> Answers:
        answers = self._ask(
            "exchange",
            port,
            request,
            connections=connections,
            seconds=seconds,
            keep_alive=keep_alive,
        )
        return cast(Answers, answers)

    def _ask(self, name: str, *arguments: Any, **named: Any) -> Any:
        self._pipe.send((name, arguments, named))
        return self._answer()

    def _answer(self) -> Any:
        if not self._pipe.poll(PATIENCE_SECONDS):
            raise TimeoutError("the load generator does not answer")
        answer = self._pipe.recv()
        if isinstance(answer, BaseException):
            raise answer
        return answer


@contextmanager
def generator() -> Iterator[Generator]:
    """Run a load generator."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Generator(ours)
    finally:
        ours.close()
        process.join(10.0)
        if process.is_alive():
            process.kill()


def _work(pipe: Connection) -> None:
    os.sched_setaffinity(0, {LOAD_CORE})
    raise_file_limit()
    gc.disable()
    crowd = Crowd()
    while True:
        try:
            name, arguments, named = pipe.recv()
        except EOFError:
            return
        try:
            does = exchange if name == "exchange" else getattr(crowd, name)
            pipe.send(does(*arguments, **named))
        except Exception as error:
            pipe.send(error)
