"""How long after an event was made the first listener has it, where no publisher can tell."""

from __future__ import annotations

import re
import socket
import time
from contextlib import ExitStack
from datetime import datetime

from tests.benchmarks.contenders import get
from tests.benchmarks.figures import median
from tests.benchmarks.generator import generator
from tests.benchmarks.stage import Stage, gateway

BEAT_SECONDS = 2.0
PATIENCE_SECONDS = 4 * BEAT_SECONDS

_PING = re.compile(rb'event: ping\ndata: {"time":"([^"]+)"}')


def head_start(stage: Stage, database: str, *, listeners: int, rounds: int) -> float:
    """Return how many seconds later than a lone listener the first of so many has an event.

    A ping goes the way of every other event and says when it was made, by the database's clock as
    the server reckons it: off by as long as the database's answer was on its way. Beside a lone
    listener on the same server that cancels out.
    """
    with ExitStack() as stack:
        url = stage.url(database)
        server = stack.enter_context(gateway(url, heartbeat_seconds=str(BEAT_SECONDS)))
        crowd = stack.enter_context(generator())
        request = get("/kpi/kpi_00000/stream?period=hour")
        witness = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        witness.settimeout(PATIENCE_SECONDS)
        witness.sendall(request)
        alone = []
        for _ in range(rounds + 1):
            made = _made_at(witness)
            alone.append(time.time() - made)
        crowd.open(server.port, [request] * listeners, b"\nid: ")
        among = []
        for _ in range(rounds + 1):
            _drain(witness)
            crowd.begin_collecting(listeners, PATIENCE_SECONDS)
            first = crowd.arrivals().at[0] + time.time() - time.perf_counter()
            among.append(first - _made_at(witness))
    return median(among[1:]) - median(alone[1:])


def _drain(witness: socket.socket) -> None:
    witness.setblocking(False)
    try:
        while witness.recv(65_536):
            pass
    except BlockingIOError:
        witness.settimeout(PATIENCE_SECONDS)


def _made_at(witness: socket.socket) -> float:
    """Return when the next ping was made, in seconds since 1970."""
    seen = b""
    while (ping := _PING.search(seen)) is None:
        received = witness.recv(65_536)
        if not received:
            raise ConnectionError("the server has closed the stream")
        seen += received
    return datetime.fromisoformat(ping[1].decode()).timestamp()
