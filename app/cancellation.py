"""A cancellation wins over whatever a library made of it on its way out."""

from __future__ import annotations

import asyncio


def heed_cancellation() -> None:
    """Raise CancelledError if this task was cancelled, though something else came of it.

    A library may take the cancellation for a timeout of its own, or a task group may raise what
    its tasks had to say of it instead.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
