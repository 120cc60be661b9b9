"""Thousands of listeners in one process, who keep account of one channel's minutes."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.world import at

TARGET = "/kpi/sales/stream?period=minute"
MINUTE = 60
_BUCKET = re.compile(rb'"bucket":"([^"]+)"')


@dataclass
class Account:
    """What a crowd has seen; its times are the event loop's."""

    opened: int = 0
    resets: int = 0
    lost: int = 0
    repeated: int = 0
    closed_at: list[float] = field(default_factory=list)
    opened_at: list[float] = field(default_factory=list)
    newest: Counter[int] = field(default_factory=Counter)
    """How many have each minute as their newest."""


class Member(asyncio.Protocol):
    """One listener: it comes back with its cursor, to any of the ports, until it is let go."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._name = b""
        self._cursor = b""
        self._newest: int | None = None
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._crowd.is_over:
            transport.abort()
            return
        self._rest = self._name = b""
        resumed = b"Last-Event-ID: " + self._cursor + b"\r\n" if self._cursor else b""
        transport.write(
            f"GET {TARGET} HTTP/1.1\r\nHost: localhost\r\n".encode() + resumed + b"\r\n"
        )

    def data_received(self, data: bytes) -> None:
        # A line that is no field is the head's or a chunk's, and of no interest here.
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"id: "):
                self._cursor = line[4:]
                self._opened()
            elif line.startswith(b"event: "):
                self._name = line[7:]
            elif line.startswith(b"data: "):
                self._take(line)

    def _opened(self) -> None:
        if not self._is_open:
            self._is_open = True
            self._crowd.account.opened += 1
            self._crowd.account.opened_at.append(self._crowd.loop.time())
            self._crowd.progress.set()

    def _take(self, line: bytes) -> None:
        account = self._crowd.account
        if self._name == b"reset":
            account.resets += 1
        if self._name not in (b"snapshot", b"value", b"gap"):
            return
        self._opened()
        # Of a snapshot the newest of its history; what an event is about comes before what was.
        starts = [at(found.decode()) for found in _BUCKET.findall(line)]
        start = max(starts) if self._name == b"snapshot" else starts[0]
        if self._newest is not None and self._name != b"snapshot":
            account.repeated += start <= self._newest
            account.lost += max((start - self._newest) // MINUTE - 1, 0)
        if self._newest is not None:
            account.newest[self._newest] -= 1
        account.newest[start] += 1
        self._newest = start
        self._crowd.progress.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._is_open:
            self._is_open = False
            self._crowd.account.opened -= 1
            self._crowd.account.closed_at.append(self._crowd.loop.time())
        self._crowd.progress.set()
        self._crowd.come_back(self)

    @property
    def connected(self) -> bool:
        return self._transport is not None

    def leave(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Crowd:
    """So many listeners; each comes back up to `back_within_seconds` after its stream ended.

    Where nobody listens on a port, one looks for all until somebody does, and they come back up to
    so long after that: if each tried for itself, they would keep the processor from the server
    that is to start, and would arrive no faster than this process can try.
    """

    def __init__(self, ports: Sequence[int], *, back_within_seconds: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.account = Account()
        self.ports = list(ports)
        self.progress = asyncio.Event()
        self._group = asyncio.TaskGroup()
        self._back_within_seconds = back_within_seconds
        self._members: list[Member] = []
        self._lookouts: dict[int, asyncio.Task[None]] = {}
        self.is_over = False

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave, all of them."""
        self.is_over = True
        for member in self._members:
            member.leave()
        await self._group.__aexit__(None, None, None)
        await self._until(lambda: not any(member.connected for member in self._members), 30)

    async def gather(self, count: int) -> None:
        """Have so many listen."""
        for _ in range(count):
            member = Member(self)
            self._members.append(member)
            self._group.create_task(self._connect(member, 0.0))
            if len(self._members) % 100 == 0:
                await self.until_open(len(self._members))
        await self.until_open(count)

    async def until_open(self, count: int, *, seconds: float = 60) -> None:
        await self._until(lambda: self.account.opened >= count, seconds)

    async def until_all_have(self, start: int, *, seconds: float = 60) -> None:
        """Wait until the newest minute of each is that one, or a later one."""
        await self._until(
            lambda: (
                sum(n for s, n in self.account.newest.items() if s >= start) == len(self._members)
            ),
            seconds,
        )

    async def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                self.progress.clear()
                await self.progress.wait()

    def come_back(self, member: Member) -> None:
        if not self.is_over:
            delay = random.uniform(0, self._back_within_seconds)
            self._group.create_task(self._connect(member, delay))

    async def _connect(self, member: Member, delay: float) -> None:
        await asyncio.sleep(delay)
        while not self.is_over:
            port = random.choice(self.ports)
            try:
                await self.loop.create_connection(lambda: member, "127.0.0.1", port)
            except OSError:
                await self._listened_on(port)
                await asyncio.sleep(random.uniform(0, self._back_within_seconds))
            else:
                return

    async def _listened_on(self, port: int) -> None:
        """Wait until somebody listens on a port."""
        lookout = self._lookouts.get(port)
        if lookout is None or lookout.done():
            lookout = self._lookouts[port] = self._group.create_task(self._look_out(port))
        await asyncio.wait([lookout])

    async def _look_out(self, port: int) -> None:
        while not self.is_over:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
