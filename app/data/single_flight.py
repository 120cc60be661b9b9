"""Many who ask for the same at once make one query."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


class SingleFlight(Generic[Key, Result]):
    """Runs at most one coroutine a key; whoever asks while it runs waits for the same answer.

    The first to ask does the work. Where it is cancelled, the next in line starts over.
    """

    def __init__(self) -> None:
        self._flying: dict[Key, asyncio.Future[Result]] = {}

    async def do(self, key: Key, work: Callable[[], Awaitable[Result]]) -> Result:
        """Return the answer of `work` for `key`; raises what it raises."""
        while (flying := self._flying.get(key)) is not None:
            await asyncio.wait([flying])
            if not flying.cancelled():
                return flying.result()
        landed: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._flying[key] = landed
        try:
            result = await work()
        except asyncio.CancelledError:
            landed.cancel()
            raise
        except BaseException as error:
            landed.set_exception(error)
            landed.exception()  # those who wait raise it; with nobody waiting it is ours alone
            raise
        else:
            landed.set_result(result)
            return result
        finally:
            del self._flying[key]
