"""A cancellation wins, and nothing that is none is taken for one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from app.cancellation import cancellation_wins


async def fail() -> None:
    await asyncio.sleep(0)
    raise OSError("the connection broke")


async def waits_until_cancelled_and_returns() -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def waits_until_cancelled_and_times_out() -> None:
    await waits_until_cancelled_and_returns()
    raise TimeoutError


async def waits_among_others_that_fail_when_cancelled() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(waits_until_cancelled_and_times_out())
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    "wait",
    [
        waits_until_cancelled_and_returns,
        waits_until_cancelled_and_times_out,
        waits_among_others_that_fail_when_cancelled,
    ],
)
async def test_a_cancellation_wins(wait: Callable[[], Awaitable[None]]) -> None:
    async def ask() -> None:
        with cancellation_wins():
            await wait()

    asking = asyncio.create_task(ask())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking], timeout=20)
    assert asking.cancelled()


async def test_a_failure_in_a_group_is_no_cancellation() -> None:
    with pytest.raises(ExceptionGroup, match="TaskGroup"), cancellation_wins():
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            await asyncio.Event().wait()


async def test_a_group_that_failed_before_counts_for_nothing_later() -> None:
    """A task that waited at its end stays counted as cancelled, up to Python 3.12."""
    with suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
    with pytest.raises(OSError, match="broke"), cancellation_wins():
        await fail()
    with cancellation_wins():
        await asyncio.sleep(0)


async def test_a_timeout_within_is_no_cancellation() -> None:
    with pytest.raises(TimeoutError), cancellation_wins():
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
