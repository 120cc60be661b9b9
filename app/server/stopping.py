"""How a process is asked to stop: once politely, twice at once."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""SIGHUP: the terminal was closed, or the connection to it was lost."""


def signals_to_take() -> list[signal.Signals]:
    """Return the signals that ask to stop, without SIGHUP where nohup has had it ignored."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [number for number in STOP_SIGNALS if number != signal.SIGHUP or not ignored]


class Stop:
    """A request to stop; made a second time it means at once."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.urgent = asyncio.Event()

    def request(self) -> None:
        """Ask to stop; asked again: at once."""
        if self.requested.is_set():
            self.urgent.set()
        self.requested.set()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Take SIGTERM, SIGINT and SIGHUP as a request while the context lasts.

        Signals are the main thread's: in another one there are none to take.
        """
        loop = asyncio.get_running_loop()
        is_main = threading.current_thread() is threading.main_thread()
        numbers = signals_to_take() if is_main else []
        for number in numbers:
            loop.add_signal_handler(number, self.request)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    @contextmanager
    def with_parent(self, lifeline: int) -> Iterator[None]:
        """Take the end of the parent, which makes `lifeline` readable, as a request to stop."""
        loop = asyncio.get_running_loop()

        def orphaned() -> None:
            loop.remove_reader(lifeline)
            self.request()

        loop.add_reader(lifeline, orphaned)
        try:
            yield
        finally:
            loop.remove_reader(lifeline)

    async def patiently(self, work: Coroutine[Any, Any, Any], seconds: float) -> bool:
        """Do `work` for up to `seconds`, or until it is urgent; return whether it was finished.

        What `work` raises is raised; what is not finished is cancelled.
        """
        return await _race(work, self.urgent, seconds)

    async def unless_requested(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Do `work` unless a stop is requested before it is done; return whether it was done."""
        return await _race(work, self.requested, None)


async def _race(
    work: Coroutine[Any, Any, Any], interruption: asyncio.Event, seconds: float | None
) -> bool:
    doing = asyncio.create_task(work)
    waiting = asyncio.create_task(interruption.wait())
    try:
        await asyncio.wait((doing, waiting), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        finished = doing.done()
        doing.cancel()
        waiting.cancel()
        await asyncio.wait((doing, waiting))
    if finished:
        doing.result()
    return finished
