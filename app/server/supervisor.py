"""The workers' parent: starts them, passes requests to stop on, and starts dead ones again."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from .stopping import STOP_SIGNALS, signals_to_take
from .worker import Worker, fork

FIRST_DELAY_SECONDS = 0.5
LAST_DELAY_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""The deaths of a worker that ran for so long are forgotten."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Slot:
    """One of the workers: its index, and its process if it runs."""

    index: int
    process: int | None = None
    readiness: int | None = None
    began: float = 0.0
    due: float = 0.0
    deaths: int = 0
    ready: bool = False


class Supervisor:
    """Runs `work` in `count` processes until SIGTERM, SIGINT or SIGHUP.

    `started` is called once, when all are ready. A worker that dies later is started again, after
    a delay that doubles from half a second to half a minute. Asked to stop, all are; asked again,
    they are asked again; what is left after `patience_seconds` is killed.
    """

    def __init__(
        self,
        count: int,
        work: Callable[[Worker], None],
        *,
        started: Callable[[], None],
        patience_seconds: float,
    ) -> None:
        self._slots = [_Slot(index) for index in range(count)]
        self._work = work
        self._started = started
        self._patience_seconds = patience_seconds
        self._all_were_ready = False
        self._stopping = False
        self._kill_at = float("inf")
        self._status = 0

    def run(self) -> int:
        """Return 0, or 1 when a worker could not start or did not end in good order."""
        with (
            selectors.SelectSelector() as self._selector,
            _pipe() as (self._lifeline, self._lifeline_end),
            _pipe() as (wakeup, wakeup_end),
            _signals_to(wakeup_end),
        ):
            self._own = (wakeup, wakeup_end, self._lifeline_end)
            self._selector.register(wakeup, selectors.EVENT_READ)
            while not self._stopping or any(slot.process for slot in self._slots):
                self._start_due()
                for key, _ in self._selector.select(self._timeout()):
                    if key.data is None:
                        self._take_signals(os.read(wakeup, 4096))
                    else:
                        self._read_readiness(key.data)
                for slot in self._slots:
                    self._reap(slot)
                if time.monotonic() >= self._kill_at:
                    self._kill()
        return self._status

    def _start_due(self) -> None:
        """Start the workers that are not running and whose delay is over."""
        now = time.monotonic()
        for slot in self._slots:
            if slot.process is None and not self._stopping and slot.due <= now:
                others = [other.readiness for other in self._slots if other.readiness is not None]
                own = (*self._own, *others)
                slot.process, slot.readiness = fork(slot.index, self._work, self._lifeline, own)
                slot.began, slot.ready = now, False
                self._selector.register(slot.readiness, selectors.EVENT_READ, slot)

    def _timeout(self) -> float | None:
        moments = [self._kill_at]
        if not self._stopping:
            moments += [slot.due for slot in self._slots if slot.process is None]
        first = min(moments)
        return None if first == float("inf") else max(0.0, first - time.monotonic())

    def _take_signals(self, numbers: bytes) -> None:
        """Stop where one of the signals that came, as bytes, asks for it."""
        for number in numbers:
            if number in STOP_SIGNALS:
                self._stop()

    def _read_readiness(self, slot: _Slot) -> None:
        """Take note that a worker is ready, or has ended before it was."""
        if slot.readiness is not None:
            slot.ready = os.read(slot.readiness, 1) == b"r"
            self._forget_readiness(slot)
        if not self._all_were_ready and all(slot.ready for slot in self._slots):
            self._all_were_ready = True
            self._started()

    def _reap(self, slot: _Slot) -> None:
        """Take note of a worker that has ended, and decide what follows."""
        if slot.process is None:
            return
        process, status = os.waitpid(slot.process, os.WNOHANG)
        if process == 0:
            return
        slot.process = None
        self._forget_readiness(slot)
        code = os.waitstatus_to_exitcode(status)
        if self._stopping:
            self._status = self._status or int(code != 0)
        elif not self._all_were_ready:
            _log.error("worker %d could not start (exit %d)", slot.index, code)
            self._status = 1
            self._stop()
        else:
            self._start_again_later(slot, code)

    def _start_again_later(self, slot: _Slot, code: int) -> None:
        now = time.monotonic()
        if now - slot.began >= STEADY_SECONDS:
            slot.deaths = 0
        delay = min(FIRST_DELAY_SECONDS * 2**slot.deaths, LAST_DELAY_SECONDS)
        slot.deaths = min(slot.deaths + 1, 16)
        slot.due = now + delay
        _log.error("worker %d died (exit %d); again in %g s", slot.index, code, delay)

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._kill_at = time.monotonic() + self._patience_seconds
        self._send(signal.SIGTERM)

    def _kill(self) -> None:
        _log.error("killing the workers that did not end within %g s", self._patience_seconds)
        self._kill_at = float("inf")
        self._status = 1
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        for slot in self._slots:
            if slot.process is not None:
                # It is not waited for yet, so the id cannot be another's.
                os.kill(slot.process, number)

    def _forget_readiness(self, slot: _Slot) -> None:
        if slot.readiness is not None:
            self._selector.unregister(slot.readiness)
            os.close(slot.readiness)
            slot.readiness = None


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    try:
        yield reading, writing
    finally:
        os.close(reading)
        os.close(writing)


@contextmanager
def _signals_to(descriptor: int) -> Iterator[None]:
    """Write the number of each signal to `descriptor` instead of acting on it."""

    def ignore(number: int, frame: FrameType | None) -> None:
        pass

    numbers = (*signals_to_take(), signal.SIGCHLD)
    os.set_blocking(descriptor, False)
    before = {number: signal.signal(number, ignore) for number in numbers}
    wakeup_before = signal.set_wakeup_fd(descriptor)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup_before)
        for number, handler in before.items():
            signal.signal(number, handler)
