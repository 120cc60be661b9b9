"""Requests one after the other on a number of connections: rate and latency."""

from __future__ import annotations

import re
import select
import socket
import time
from array import array
from dataclasses import dataclass, field

from tests.benchmarks.crowd import connect

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Answers:
    """What was answered within `seconds`; `latencies` in seconds, unordered."""

    count: int
    seconds: float
    own_cpu_seconds: float
    latencies: array[float] = field(repr=False)

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


def exchange(
    port: int, request: bytes, *, connections: int, seconds: float, keep_alive: bool
) -> Answers:
    """Keep `connections` requests under way for so long, on kept or on new connections."""
    own = time.process_time()
    length = answer_length(port, request)
    poll = select.epoll()
    sockets: dict[int, socket.socket] = {}
    sent: dict[int, float] = {}
    left: dict[int, int] = {}
    buffer = bytearray(262_144)
    latencies: array[float] = array("d")
    number = 0

    def begin() -> None:
        nonlocal number
        at = time.perf_counter()
        sock = connect(port, number)
        number += 1
        sock.send(request)
        descriptor = sock.fileno()
        sockets[descriptor], sent[descriptor], left[descriptor] = sock, at, length
        poll.register(descriptor, select.EPOLLIN)

    began = time.perf_counter()
    for _ in range(connections):
        begin()
    while time.perf_counter() - began < seconds:
        for descriptor, _ in poll.poll(1.0):
            sock = sockets[descriptor]
            size = sock.recv_into(buffer)
            if size == 0:
                raise ConnectionError("the server has closed a connection within an answer")
            left[descriptor] -= size
            if left[descriptor] > 0:
                continue
            now = time.perf_counter()
            latencies.append(now - sent[descriptor])
            if keep_alive:
                left[descriptor], sent[descriptor] = length, now
                sock.send(request)
            else:
                sock.close()
                del sockets[descriptor]
                begin()
    ended = time.perf_counter()
    for sock in sockets.values():
        sock.close()
    poll.close()
    return Answers(len(latencies), ended - began, time.process_time() - own, latencies)


def answer_length(port: int, request: bytes) -> int:
    """Return how many bytes an answer has, head included; all must have as many."""
    with connect(port, 0) as sock:
        sock.settimeout(10.0)
        sock.send(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            received = sock.recv(65_536)
            if not received:
                raise ConnectionError("no answer")
            answer += received
    head, _, _ = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(f"not an answer to measure: {head[:80]!r}")
    found = _LENGTH.search(head)
    if found is None:
        raise ConnectionError("an answer without a length cannot be measured")
    return len(head) + 4 + int(found[1])
