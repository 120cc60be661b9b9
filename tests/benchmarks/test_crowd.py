"""The load generator counts what comes, no more and no less, and notices what it should."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.benchmarks.closed_loop import answer_length, exchange
from tests.benchmarks.contenders import LIMIT, Peer, get, one_post, python_module
from tests.benchmarks.crowd import Crowd
from tests.benchmarks.figures import median, percentile
from tests.benchmarks.processes import Server
from tests.benchmarks.report import Report, Table

LISTENERS = 30


@pytest.fixture(scope="module")
def bare() -> Iterator[Server]:
    peer = Peer(LIMIT, lambda port, folder: python_module("bare", port, folder), one_post)
    with peer.start() as server:
        yield server


@contextmanager
def crowd_of(server: Server, count: int) -> Iterator[Crowd]:
    crowd = Crowd()
    opened = crowd.open(server.port, [get("/stream?channel=a")] * count, b"\n\n")
    assert opened.count == count
    try:
        yield crowd
    finally:
        crowd.close()


async def publish(server: Server, channel: str) -> None:
    peer = Peer(LIMIT, lambda port, folder: python_module("bare", port, folder), one_post)
    await peer.publish(server, [channel])


async def test_each_listener_is_counted_once(bare: Server) -> None:
    with crowd_of(bare, LISTENERS) as crowd:
        await publish(bare, "a")
        arrivals = crowd.collect(LISTENERS, 5.0)
        assert len(arrivals.at) == LISTENERS
        assert list(arrivals.at) == sorted(arrivals.at)
        assert arrivals.received_bytes % LISTENERS == 0


async def test_some_are_read_and_not_counted(bare: Server) -> None:
    with crowd_of(bare, LISTENERS) as crowd:
        await publish(bare, "a")
        assert len(crowd.collect(LISTENERS - 10, 5.0, besides=10).at) == LISTENERS - 10
        crowd.listen(0.1)
        await publish(bare, "a")
        with pytest.raises(TimeoutError, match=f"{LISTENERS - 10} of {LISTENERS}"):
            crowd.collect(LISTENERS, 0.1, besides=10)


async def test_what_does_not_come_is_an_error(bare: Server) -> None:
    with crowd_of(bare, LISTENERS) as crowd:
        await publish(bare, "another")
        with pytest.raises(TimeoutError, match=f"0 of {LISTENERS}"):
            crowd.collect(LISTENERS, 0.1)


async def test_who_stalls_is_not_waited_for(bare: Server) -> None:
    with crowd_of(bare, LISTENERS) as crowd:
        crowd.stall(10)
        await publish(bare, "a")
        assert len(crowd.collect(LISTENERS - 10, 5.0).at) == LISTENERS - 10
        assert crowd.listen(0.1) == 0


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """Answer each request on each connection the same."""

    class Talk(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(ConnectionError):  # who leaves without reading all resets it
                while self.request.recv(65_536):
                    self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize("keep_alive", [True, False])
def test_requests_are_counted_by_their_length(keep_alive: bool) -> None:
    with answering(ANSWER) as port:
        assert answer_length(port, get("/")) == len(ANSWER)
        answers = exchange(port, get("/"), connections=4, seconds=0.2, keep_alive=keep_alive)
        assert answers.count == len(answers.latencies) > 10
        assert max(answers.latencies) < 5.0


def test_another_status_is_not_measured() -> None:
    with answering(ANSWER.replace(b"200", b"503")) as port, pytest.raises(ConnectionError):
        answer_length(port, get("/"))


def test_a_server_that_is_away_is_an_error() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            Crowd().open(nobody.getsockname()[1], [get("/")], b"\n\n")


def test_percentiles_are_of_the_nearest_rank() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)) == (
        50,
        99,
        100,
    )
    assert median([3.0, 1.0, 2.0]) == 2.0


def test_a_promise_is_kept_or_not() -> None:
    report = Report("here", "quick", [Table("T", ("what", "ms"), [("a", "1")])])
    report.at_most("latency", 1.15, 1.2)
    report.at_least("rate", 0.7, 0.7)
    text = report.markdown()
    assert "| latency | ≤ 1.15 |     1.20 | **no** |" in text
    assert "| rate    | ≥ 0.70 |     0.70 |    yes |" in text
