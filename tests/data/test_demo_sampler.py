"""The machine's KPIs are what the machine did."""

from __future__ import annotations

import os
import socket

import psutil

from app.data.demo.catalogue import MACHINE
from app.data.demo.sampler import MachineSampler

# Counted at the database, not at the machine.
KNOWN = {entry.code for entry in MACHINE} - {"database_transactions"}


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_first_sample_has_no_rates() -> None:
    assert set(MachineSampler().sample()) == {"memory_used", "load_average"}


def test_samples_are_in_the_catalogue_and_in_range() -> None:
    clock = Clock()
    sampler = MachineSampler(clock)
    sampler.sample()
    clock.now += 1
    sample = sampler.sample()
    assert {"memory_used", "load_average"} <= set(sample) <= KNOWN
    assert 0 < sample["memory_used"] < 100
    assert all(value >= 0 for value in sample.values())


def test_busy_work_shows_as_cpu_utilisation() -> None:
    sampler = MachineSampler()
    sampler.sample()
    # Each tick of the kernel's count is a hundredth of a second of one core.
    start = os.times()
    while sum(os.times()[:2]) - sum(start[:2]) < 0.3:
        sum(range(1000))
    elapsed = os.times().elapsed - start.elapsed
    least = 100 * 0.3 / (elapsed * (psutil.cpu_count() or 1))
    assert 0.5 * least < sampler.sample()["cpu_utilisation"] <= 100


def test_bytes_over_a_socket_show_as_network_throughput() -> None:
    clock = Clock()
    sampler = MachineSampler(clock)
    sampler.sample()
    size = 4_000_000
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0] as reader,
    ):
        for _ in range(size // 40_000):
            client.sendall(b"x" * 40_000)
            assert len(reader.recv(40_000, socket.MSG_WAITALL)) == 40_000
    clock.now += 2
    sample = sampler.sample()
    assert sample["network_in"] >= size / 2 / 1e6
    assert sample["network_out"] >= size / 2 / 1e6


def test_a_clock_that_stands_still_gives_no_rates() -> None:
    sampler = MachineSampler(Clock())
    sampler.sample()
    assert set(sampler.sample()) <= {"memory_used", "load_average", "cpu_utilisation"}
