"""Very many listeners in one thread: bare sockets and epoll, so that they cost little."""

from __future__ import annotations

import select
import socket
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

CONNECT_SECONDS = 10.0
QUIET_SECONDS = 0.2
DRAIN_SECONDS = 20.0
ADDRESSES = 32
"""Source addresses, so that the ports of one do not run out."""

_IP_BIND_ADDRESS_NO_PORT = 24


@dataclass(frozen=True)
class Opened:
    """How it went to open streams: `seconds` from the first connect to the last first event."""

    count: int
    seconds: float
    own_cpu_seconds: float


@dataclass(frozen=True)
class Arrivals:
    """When each listener had the first bytes of a burst, by the monotonic clock, in order."""

    at: array[float] = field(repr=False)
    own_cpu_seconds: float
    received_bytes: int


def connect(port: int, number: int, *, receive_buffer: int | None = None) -> socket.socket:
    """Return a connection to a port of this machine, from one of many addresses."""
    sock = socket.socket()
    # Without this each bind searches for a port that is free for any destination, which takes
    # seconds for ten thousand.
    sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(CONNECT_SECONDS)
    try:
        sock.bind((f"127.0.1.{1 + number % ADDRESSES}", 0))
        sock.connect(("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


class Crowd:
    """Listeners that are opened together and note when each hears of something."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._receive: dict[int, Callable[[bytearray], int]] = {}
        self._buffer = bytearray(262_144)

    def open(
        self,
        port: int,
        requests: list[bytes],
        marker: bytes,
        *,
        small: int = 0,
        until_quiet: bool = True,
        in_flight: int = 64,
        seconds: float = 60.0,
    ) -> Opened:
        """Send each request on a connection of its own and wait for `marker` in each answer.

        The first `small` connections have the smallest receive buffer there is.
        """
        own = time.process_time()
        began = time.perf_counter()
        waiting: dict[int, bytes] = {}
        at = done = 0
        while done < len(requests):
            while at < len(requests) and len(waiting) < in_flight:
                sock = connect(port, at, receive_buffer=1 if at < small else None)
                sock.send(requests[at])
                descriptor = sock.fileno()
                self._sockets[descriptor] = sock
                self._receive[descriptor] = sock.recv_into
                self._epoll.register(descriptor, select.EPOLLIN)
                waiting[descriptor] = b""
                at += 1
            if time.perf_counter() - began > seconds:
                raise TimeoutError(f"{done} of {len(requests)} streams opened in {seconds} s")
            for descriptor, _ in self._epoll.poll(1.0):
                size = self._read(descriptor)
                if descriptor in waiting:
                    seen = waiting[descriptor] + self._buffer[:size]
                    if not waiting[descriptor] and not seen.startswith(b"HTTP/1.1 200"):
                        raise ConnectionError(f"not a stream: {seen[:200]!r}")
                    if marker in seen:
                        del waiting[descriptor]
                        done += 1
                    else:
                        waiting[descriptor] = bytes(seen[-len(marker) :])
        ended = time.perf_counter()
        if until_quiet:
            self.drain()
        return Opened(len(requests), ended - began, time.process_time() - own)

    def drain(self) -> None:
        """Take what is on its way until nothing has come for a moment."""
        deadline = time.perf_counter() + DRAIN_SECONDS
        while ready := self._epoll.poll(QUIET_SECONDS):
            if time.perf_counter() > deadline:
                raise TimeoutError("the streams do not become quiet")
            for descriptor, _ in ready:
                self._read(descriptor)

    def collect(self, count: int, seconds: float, *, besides: int = 0) -> Arrivals:
        """Wait until `count` listeners besides the first have had something, each counted once.

        The first `besides` are read, unless they stall, and not counted.
        """
        own = time.process_time()
        deadline = time.perf_counter() + seconds
        now, read = time.perf_counter, self._read
        heard = set(list(self._sockets)[:besides])
        times: array[float] = array("d")
        received = 0
        while len(times) < count:
            ready = self._epoll.poll(0.5)
            for descriptor, _ in ready:
                received += read(descriptor)
                if descriptor not in heard:
                    heard.add(descriptor)
                    times.append(now())
            if not ready and now() > deadline:
                raise TimeoutError(f"{len(times)} of {count} listeners heard within {seconds} s")
        return Arrivals(times, time.process_time() - own, received)

    def listen(self, seconds: float) -> int:
        """Take whatever comes for so long; return how many times something came."""
        deadline = time.perf_counter() + seconds
        times = 0
        while (left := deadline - time.perf_counter()) > 0:
            for descriptor, _ in self._epoll.poll(left):
                self._read(descriptor)
                times += 1
        return times

    def stall(self, count: int) -> None:
        """Never read from the first `count` again."""
        for descriptor in list(self._sockets)[:count]:
            self._epoll.unregister(descriptor)

    def close(self) -> None:
        """Leave."""
        for sock in self._sockets.values():
            sock.close()
        self._sockets.clear()
        self._receive.clear()

    def _read(self, descriptor: int) -> int:
        size = self._receive[descriptor](self._buffer)
        if size == 0:
            last = bytes(self._buffer[:200])
            raise ConnectionError(f"the server has closed a stream; read before: {last!r}")
        return size
