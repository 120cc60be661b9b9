"""One of several processes that share a port, from its own side.

It is forked, from a parent that has no event loop and no threads: what was imported is shared, a
worker is up in milliseconds, and nothing needs pickling. It binds a socket of its own with
SO_REUSEPORT: over those the kernel spreads new connections evenly (991 to 1009 of 2,000 here,
against 1354 to 646 on one inherited socket, where whoever wakes first takes all that wait), and
at once over the others when a worker dies.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable
from typing import NoReturn

from ..errors import KpiStreamError
from .stopping import signals_to_take

_log = logging.getLogger(__name__)


class Worker:
    """What a worker knows of its parent; `lifeline` becomes readable when the parent is gone."""

    def __init__(self, index: int, lifeline: int, readiness: int) -> None:
        self.index = index
        self.lifeline = lifeline
        self._readiness = readiness

    def ready(self) -> None:
        """Tell the parent that this worker serves."""
        os.write(self._readiness, b"r")


def fork(
    index: int, work: Callable[[Worker], None], lifeline: int, parents_own: Iterable[int]
) -> tuple[int, int]:
    """Run `work` in a new process; return its id and what becomes readable when it is ready.

    `parents_own` are the file descriptors that the child must not keep open.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process == 0:
        for descriptor in (reading, *parents_own):
            os.close(descriptor)
        _run_child(Worker(index, lifeline, writing), work)
    os.close(writing)
    return process, reading


def _run_child(worker: Worker, work: Callable[[Worker], None]) -> NoReturn:
    """Do the child's work and end its process, whatever comes."""
    status = 1
    try:
        # A terminal's Ctrl-C goes to the parent alone, which passes it on: twice means at once.
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if signal.SIGHUP in signals_to_take():
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
        work(worker)
        status = 0
    except KpiStreamError as error:
        _log.error("worker %d: %s", worker.index, error)
    except BaseException:
        _log.exception("worker %d ended in an error", worker.index)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not sys.exit: what the parent registered to be done at its exit is not this process's.
        os._exit(status)
