"""Snapshots: from memory, beside a Quart "hello" and beside reading the aggregate each time."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial

from tests.benchmarks.accepts import REST_SECONDS, Rate
from tests.benchmarks.contenders import QUART, Peer, get, one_post, python_module
from tests.benchmarks.figures import percentile
from tests.benchmarks.generator import Generator, generator
from tests.benchmarks.processes import Server, free_port, serving
from tests.benchmarks.stage import Stage, gateway

MEMORY = "snapshot from memory, 60 buckets"
HELLO = 'Quart "hello"'
AGGREGATE = "Quart reading the aggregate on each request"

PATH = "/kpi/kpi_00000?period=hour&history=60"


def snapshots(stage: Stage, database: str, *, seconds: float, rounds: int) -> list[Rate]:
    """Measure requests on 64 kept connections, alternating."""
    url = stage.url(database)
    with ExitStack() as stack:
        load = stack.enter_context(generator())
        ours = stack.enter_context(gateway(url))
        listener = stack.enter_context(generator())
        listener.open(ours.port, [get("/kpi/kpi_00000/stream?period=hour")], b"\nid: ")
        hello = Peer(QUART, partial(python_module, "quart_queue"), one_post)
        quart = stack.enter_context(hello.start())
        port = free_port()
        command = [*python_module("quart_aggregate", port, stage.folder), url]
        aggregate = stack.enter_context(serving(command, port))
        runs = [
            (Rate(MEMORY), ours, get(PATH, "")),
            (Rate(HELLO), quart, get("/hello", "")),
            (Rate(AGGREGATE), aggregate, get("/kpi/kpi_00000", "")),
        ]
        for number in range(rounds + 1):
            for rate, server, request in runs:
                _measure(load, server, request, seconds, rate if number else Rate("to warm up"))
                time.sleep(REST_SECONDS)
    return [rate for rate, _, _ in runs]


def _measure(load: Generator, server: Server, request: bytes, seconds: float, rate: Rate) -> None:
    cpu = server.cpu_seconds()
    answers = load.exchange(server.port, request, connections=64, seconds=seconds, keep_alive=True)
    used = server.cpu_seconds() - cpu
    rate.note(answers.count, answers.seconds, used, answers.own_cpu_seconds)
    rate.p99.append(percentile(sorted(answers.latencies), 0.99))
