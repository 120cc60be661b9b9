"""A cancellation wins over whatever a library made of it on its way out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def cancellation_wins() -> Iterator[None]:
    """Raise CancelledError if this task was cancelled meanwhile, though something else came of it.

    A library may take the cancellation for a timeout of its own, and a task group raises what its
    tasks had to say instead of it. A task group within must be waited for by an await in its body:
    up to Python 3.12 a task that waits at the group's end stays counted as cancelled when a task
    of the group fails (https://github.com/python/cpython/issues/116720). For the same reason only
    cancellations that came meanwhile count here.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    cause: Exception | None = None
    try:
        yield
    except Exception as error:
        cause = error
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError from cause
    if cause is not None:
        raise cause
