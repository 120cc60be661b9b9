"""The parent of the workers: starts them, passes signals on, and starts again what dies."""

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

from .worker import Worker, fork

FIRST_DELAY_SECONDS = 0.5
LAST_DELAY_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""The deaths of a worker that ran for so long are forgotten."""

_STOPPING = (signal.SIGTERM, signal.SIGINT)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Seat:
    """One of the workers' places, and the process in it, if any."""

    index: int
    process: int | None = None
    readiness: int | None = None
    began: float = 0.0
    due: float = 0.0
    deaths: int = 0
    ready: bool = False


class Supervisor:
    """Runs `work` in `count` processes until SIGTERM or SIGINT.

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
        self._seats = [_Seat(index) for index in range(count)]
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
            while not self._stopping or any(seat.process for seat in self._seats):
                self._start_those_due()
                for key, _ in self._selector.select(self._timeout()):
                    if key.data is None:
                        self._heed(os.read(wakeup, 4096))
                    else:
                        self._hear(key.data)
                for seat in self._seats:
                    self._look_after(seat)
                if time.monotonic() >= self._kill_at:
                    self._kill()
        return self._status

    def _start_those_due(self) -> None:
        now = time.monotonic()
        for seat in self._seats:
            if seat.process is None and not self._stopping and seat.due <= now:
                others = [other.readiness for other in self._seats if other.readiness is not None]
                own = (*self._own, *others)
                seat.process, seat.readiness = fork(seat.index, self._work, self._lifeline, own)
                seat.began, seat.ready = now, False
                self._selector.register(seat.readiness, selectors.EVENT_READ, seat)

    def _timeout(self) -> float | None:
        moments = [self._kill_at]
        if not self._stopping:
            moments += [seat.due for seat in self._seats if seat.process is None]
        first = min(moments)
        return None if first == float("inf") else max(0.0, first - time.monotonic())

    def _heed(self, numbers: bytes) -> None:
        for number in numbers:
            if number in _STOPPING:
                self._stop()

    def _hear(self, seat: _Seat) -> None:
        """Take a worker's word that it is ready, or its silence when it died before."""
        if seat.readiness is not None:
            seat.ready = os.read(seat.readiness, 1) == b"r"
            self._forget_readiness(seat)
        if not self._all_were_ready and all(seat.ready for seat in self._seats):
            self._all_were_ready = True
            self._started()

    def _look_after(self, seat: _Seat) -> None:
        if seat.process is None:
            return
        process, status = os.waitpid(seat.process, os.WNOHANG)
        if process == 0:
            return
        seat.process = None
        self._forget_readiness(seat)
        code = os.waitstatus_to_exitcode(status)
        if self._stopping:
            self._status = self._status or int(code != 0)
        elif not self._all_were_ready:
            _log.error("worker %d could not start (exit %d)", seat.index, code)
            self._status = 1
            self._stop()
        else:
            self._start_again_later(seat, code)

    def _start_again_later(self, seat: _Seat, code: int) -> None:
        now = time.monotonic()
        if now - seat.began >= STEADY_SECONDS:
            seat.deaths = 0
        delay = min(FIRST_DELAY_SECONDS * 2**seat.deaths, LAST_DELAY_SECONDS)
        seat.deaths = min(seat.deaths + 1, 16)
        seat.due = now + delay
        _log.error("worker %d died (exit %d); again in %g s", seat.index, code, delay)

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
        for seat in self._seats:
            if seat.process is not None:
                # It is not waited for yet, so the id cannot be another's.
                os.kill(seat.process, number)

    def _forget_readiness(self, seat: _Seat) -> None:
        if seat.readiness is not None:
            self._selector.unregister(seat.readiness)
            os.close(seat.readiness)
            seat.readiness = None


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

    numbers = (*_STOPPING, signal.SIGCHLD)
    os.set_blocking(descriptor, False)
    before = {number: signal.signal(number, ignore) for number in numbers}
    wakeup_before = signal.set_wakeup_fd(descriptor)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup_before)
        for number, handler in before.items():
            signal.signal(number, handler)
