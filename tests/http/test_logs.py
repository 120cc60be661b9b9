"""Tokens, tickets and cursors reach no log, by whatever way in and however much is logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.access.signing import sign
from tests.http.credentials import ask, bearer, cookie, screen, ticket
from tests.http.test_hostile_requests import head, send
from tests.running import Gateway
from tests.stream_client import open_stream
from tests.world import execute

OF_CLIENTS = ("httpx", "httpcore", "hpack")
"""The tests' own clients are in this process as well."""

GARBAGE = "2bm90YWN1cnNvcmF0YWxsLi4u"
STREAM = "/kpi/sales/stream"


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Log as much as can be, also that of loggers that have levels of their own."""
    caplog.set_level(1)
    named = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    levels = [logger.level for logger in named]
    for logger in named:
        logger.setLevel(1)
    yield caplog
    for logger, level in zip(named, levels, strict=True):
        logger.setLevel(level)


def logged(caplog: pytest.LogCaptureFixture) -> str:
    formatter = logging.Formatter("%(name)s %(message)s")
    ours = [r for r in caplog.records if not r.name.startswith(OF_CLIENTS)]
    return "\n".join(map(formatter.format, ours))


async def cursor_of(gateway: Gateway) -> str:
    """Return the cursor of a stream's first event."""
    async with open_stream(gateway.port, STREAM, bearer(sign())) as stream:
        return (await stream.event("snapshot")).last_event_id


async def stream_briefly(gateway: Gateway, target: str, headers: dict[str, str]) -> None:
    async with open_stream(gateway.port, target, headers) as stream:
        if stream.status == 200:
            with suppress(EOFError):
                await stream.event()


async def by_every_way(gateway: Gateway) -> list[str]:
    """Come in by every way, well and badly; return all that was secret."""
    token, bad, wall = sign(), sign(key="x" * 40), await screen(gateway, "lobby")
    tickets = [await ticket(gateway, {"kpis": ["sales"]}) for _ in range(3)]
    session = await cookie(gateway, {"kpis": ["sales"]})
    cursor = await cursor_of(gateway)
    for brought in (bearer(token), bearer(bad), bearer(wall), bearer(token + "x"), session):
        await stream_briefly(gateway, STREAM, brought)
        await ask(gateway, "GET", "/kpi/sales", brought)
        await ask(gateway, "POST", "/session", brought)
    for made in (*tickets[:2], tickets[0], tickets[0] + "x"):
        await stream_briefly(gateway, f"{STREAM}?ticket={made}", {})
    for target in (f"/?ticket={tickets[2]}", f"/?ticket={tickets[2]}", f"/kpi/sales?token={token}"):
        await ask(gateway, "GET", target, {})
    for text in (cursor, GARBAGE, GARBAGE * 900):
        await stream_briefly(gateway, f"{STREAM}?cursor={text}", bearer(token))
        await stream_briefly(gateway, STREAM, bearer(token) | {"Last-Event-ID": text})
        await stream_briefly(gateway, f"/stream?channel={text}&cursor={text}", bearer(token))
    query = f"ticket={tickets[0]}&cursor={cursor}&token={token}"
    for target in (
        f"/nowhere?{query}",
        f"{STREAM}?{query}&{'a' * 40_000}",
        f"{STREAM}?{query}\x7f",
    ):
        await send(gateway.port, head("GET", target, f"Authorization: Bearer {token}"))
    for end in (" HTTP/9.9\r\n\r\n", " HTTP/1.1\n\n", "\r\n\r\n"):
        await send(gateway.port, f"GET {STREAM}?{query}{end}".encode())
    values = [*tickets, token, bad, wall, session["Cookie"].partition("=")[2], cursor, GARBAGE]
    return [part for value in values for part in (value, value.rpartition(".")[2])]


async def test_nothing_secret_is_logged(
    guarded: Gateway, everything: pytest.LogCaptureFixture
) -> None:
    """Also not where all that is asked fails, and the event loop itself is being debugged."""
    asyncio.get_running_loop().set_debug(True)
    secrets = await by_every_way(guarded)
    await execute(guarded.database, "DROP VIEW kpi_values_minute CASCADE")
    for target in (f"{STREAM}?cursor={secrets[-1]}", "/kpi/sales"):
        await ask(guarded, "HEAD", target, bearer(sign()))
    text = logged(everything)
    assert "asyncio" in text  # down to its least levels
    assert [secret[:12] for secret in secrets if secret in text] == []
