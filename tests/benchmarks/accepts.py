"""How many streams a second can be opened, each with its first event; beside plain requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import jwt

from tests.benchmarks.contenders import (
    EVENTS,
    LIMIT,
    NCHAN,
    OURS,
    QUART,
    Peer,
    get,
    nginx,
    nginx_program,
    one_post,
    python_module,
)
from tests.benchmarks.crowd import Opened
from tests.benchmarks.generator import Generator, generator
from tests.benchmarks.processes import Server
from tests.benchmarks.stage import Stage, gateway

HELLO = 'Quart "hello", a connection each'
HELLO_KEPT = 'Quart "hello", kept connections'
AUTHORISED = "kpi-stream, with a token"
REST_SECONDS = 0.7

KEY = "0123456789abcdef" * 4
TOKEN_SECONDS = 3600


@dataclass
class Rate:
    """How often something was done a second, and a second of the server's CPU, by round."""

    name: str
    a_second: list[float] = field(default_factory=list)
    a_cpu_second: list[float] = field(default_factory=list)
    own_share: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def note(self, count: int, seconds: float, cpu: float, own: float) -> None:
        self.a_second.append(count / seconds)
        self.a_cpu_second.append(count / cpu)
        self.own_share.append(own / seconds)


def accepts(stage: Stage, database: str, *, streams: int, rounds: int) -> list[Rate]:
    """Measure opening `streams` streams, and as many plain requests, alternating."""
    with ExitStack() as stack:
        crowd = stack.enter_context(generator())
        hello = Peer(QUART, partial(python_module, "quart_queue"), one_post)
        quart = stack.enter_context(hello.start())
        ours = stack.enter_context(gateway(stage.url(database)))
        guarded = stack.enter_context(gateway(stage.url(database), auth="jwt", jwt_key=KEY))
        stream = get("/kpi/kpi_00000/stream?period=minute")
        allowed = get("/kpi/kpi_00000/stream?period=minute", f"{EVENTS}{_authorization()}")
        # Somebody listens already: the channel is live.
        for server, request in ((ours, stream), (guarded, allowed)):
            listener = stack.enter_context(generator())
            listener.open(server.port, [request], b"\nid: ")
        bare = stack.enter_context(Peer(LIMIT, partial(python_module, "bare"), one_post).start())
        any_stream = get("/stream?channel=a")
        runs: list[tuple[Rate, Server, Callable[[Server, Rate], None]]] = [
            (Rate(OURS), ours, partial(_streams, crowd, stream, b"\nid: ", streams)),
            (Rate(AUTHORISED), guarded, partial(_streams, crowd, allowed, b"\nid: ", streams)),
            (Rate(HELLO), quart, partial(_requests, crowd, False)),
            (Rate(HELLO_KEPT), quart, partial(_requests, crowd, True)),
            (Rate(QUART), quart, partial(_streams, crowd, any_stream, b"\n\n", streams)),
            (Rate(LIMIT), bare, partial(_streams, crowd, any_stream, b"\n\n", streams)),
        ]
        if nginx_program() is not None:
            nchan = stack.enter_context(Peer(NCHAN, nginx, one_post).start())
            open_nchan = partial(_streams, crowd, any_stream, b"\n\n", streams)
            runs.append((Rate(NCHAN), nchan, open_nchan))
        for number in range(rounds + 1):
            for rate, server, run in runs:
                run(server, rate if number else Rate("to warm up"))
                time.sleep(REST_SECONDS)
    return [rate for rate, _, _ in runs]


def _authorization() -> str:
    """Return the header with a token for the one KPI that is opened."""
    claims = {
        "sub": "benchmark",
        "exp": int(time.time()) + TOKEN_SECONDS,
        "kpi_stream": {"kpis": ["kpi_00000"]},
    }
    return f"authorization: Bearer {jwt.encode(claims, KEY, 'HS256')}\r\n"


def _streams(
    crowd: Generator, request: bytes, marker: bytes, count: int, server: Server, rate: Rate
) -> None:
    cpu = server.cpu_seconds()
    opened: Opened = crowd.open(server.port, [request] * count, marker)
    rate.note(count, opened.seconds, server.cpu_seconds() - cpu, opened.own_cpu_seconds)
    crowd.close()


def _requests(crowd: Generator, keep_alive: bool, server: Server, rate: Rate) -> None:
    request = get("/hello", "" if keep_alive else "connection: close\r\n")
    cpu = server.cpu_seconds()
    answers = crowd.exchange(
        server.port, request, connections=64, seconds=1.5, keep_alive=keep_alive
    )
    used = server.cpu_seconds() - cpu
    rate.note(answers.count, answers.seconds, used, answers.own_cpu_seconds)
