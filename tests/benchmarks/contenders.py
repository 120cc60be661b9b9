"""Who is measured: how each is started, listened to, and made to send."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from tests.benchmarks.processes import Server, free_port, serving
from tests.benchmarks.stage import LATE_ROWS, Stage, gateway

OURS = "kpi-stream"
LIMIT = "bare asyncio.Protocol"
NCHAN = "nginx + nchan"
QUART = "Quart + Hypercorn, a queue per client"
STARLETTE = "sse-starlette on uvicorn"
FASTAPI = "FastAPI's SSE on uvicorn"

NCHAN_MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")

EVENT = "correction"
DATA = (
    '{"kpi":"kpi_00000","period":"hour","bucket":"2026-01-01T10:00:00Z",'
    '"end":"2026-01-01T11:00:00Z","value":49.281730712890625,"points":61,'
    '"min":0.7180117607116699,"max":99.80262756347656}'
)
LAST_ID = "1" + "A" * 104
"""The three parts of the event that kpi-stream sends here, of the same lengths."""


class Contender(Protocol):
    """One who sends events to listeners."""

    @property
    def name(self) -> str:
        """What the table calls it."""

    def start(self) -> AbstractContextManager[Server]:
        """Run the server."""

    def request(self, channel: str) -> bytes:
        """Return the request for a stream."""

    @property
    def marker(self) -> bytes:
        """What ends the first event."""

    async def publish(self, server: Server, channels: Sequence[str]) -> float | None:
        """Have an event sent on each channel; return when that was asked for, where known."""


EVENTS = "accept: text/event-stream\r\n"


def get(path: str, extra: str = EVENTS) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{extra}\r\n".encode()


@dataclass(frozen=True)
class Ours:
    """The gateway as it is started in production, on a database of its own.

    Nothing but a changed row makes it send: the moment when it decides to is not known outside,
    so bursts are measured from when the first listener has it.
    """

    stage: Stage
    database: str
    name: str = OURS
    marker: bytes = b"\nid: "

    def start(self) -> AbstractContextManager[Server]:
        return gateway(self.stage.url(self.database))

    def request(self, channel: str) -> bytes:
        return get(f"/kpi/{channel}/stream?period=hour")

    async def publish(self, server: Server, channels: Sequence[str]) -> float | None:
        await self.stage.execute(self.database, LATE_ROWS, list(channels))
        return None


@dataclass(frozen=True)
class Peer:
    """A server that is told to publish by a POST."""

    name: str
    command: Callable[[int, Path], Sequence[str]]
    posts: Callable[[Sequence[str]], list[bytes]]
    marker: bytes = b"\n\n"

    @contextmanager
    def start(self) -> Iterator[Server]:
        port = free_port()
        with (
            tempfile.TemporaryDirectory(prefix="kpi-bench-") as folder,
            serving(self.command(port, Path(folder)), port) as server,
        ):
            yield server

    def request(self, channel: str) -> bytes:
        return get(f"/stream?channel={channel}")

    async def publish(self, server: Server, channels: Sequence[str]) -> float | None:
        posts = self.posts(channels)
        connections = [socket.create_connection(("127.0.0.1", server.port)) for _ in posts]
        published = time.perf_counter()
        for connection, post in zip(connections, posts, strict=True):
            connection.sendall(post)
        for connection in connections:
            connection.settimeout(30.0)
            answer = connection.recv(4096)
            connection.close()
            if not answer.startswith(b"HTTP/1.1 2"):
                raise ConnectionError(f"{self.name} does not publish: {answer[:80]!r}")
        return published


def python_module(module: str, port: int, folder: Path) -> Sequence[str]:
    return [sys.executable, "-m", f"tests.benchmarks.peers.{module}", str(port)]


def one_post(channels: Sequence[str]) -> list[bytes]:
    body = json.dumps([[channel, EVENT, DATA, LAST_ID] for channel in channels]).encode()
    return [_post("/publish", {"content-type": "application/json"}, body)]


def a_post_each(channels: Sequence[str]) -> list[bytes]:
    # Its own ids are shorter: the data makes up for it.
    body = DATA.encode() + b" " * (len(LAST_ID) - len("1700000000:0"))
    headers = {"x-eventsource-event": EVENT, "content-type": "text/plain"}
    return [_post(f"/publish?channel={channel}", headers, body) for channel in channels]


def _post(path: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{lines}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


NGINX = """
load_module {module};
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 20000;
error_log stderr error;
pid {folder}/pid;
events {{ worker_connections 19000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /stream {{
            nchan_subscriber eventsource;
            nchan_channel_id $arg_channel;
            nchan_subscriber_first_message newest;
            nchan_eventsource_ping_interval 0;
        }}
        location = /publish {{
            nchan_publisher;
            nchan_channel_id $arg_channel;
            nchan_message_buffer_length 1;
        }}
        location = /hello {{ return 200 "hello"; }}
    }}
}}
"""


def nginx_program() -> str | None:
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    return program if program is not None and NCHAN_MODULE.exists() else None


def nginx(port: int, folder: Path) -> Sequence[str]:
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(module=NCHAN_MODULE, folder=folder, port=port))
    return [nginx_program() or "nginx", "-p", str(folder), "-c", str(file), "-e", "stderr"]


def contenders(stage: Stage, database: str) -> tuple[list[Contender], dict[str, str]]:
    """Return those who can be measured here, and why the others cannot."""
    found: list[Contender] = [
        Peer(LIMIT, partial(python_module, "bare"), one_post),
        Ours(stage, database),
    ]
    missing: dict[str, str] = {}
    if nginx_program() is None:
        missing[NCHAN] = "the packages nginx and libnginx-mod-nchan are not installed"
    else:
        found.append(Peer(NCHAN, nginx, a_post_each))
    found.append(Peer(QUART, partial(python_module, "quart_queue"), one_post))
    for name, module, needs in (
        (STARLETTE, "starlette_sse", ("sse_starlette", "uvicorn")),
        (FASTAPI, "fastapi_sse", ("fastapi", "uvicorn")),
    ):
        absent = [need for need in needs if importlib.util.find_spec(need) is None]
        if absent:
            missing[name] = f"not installed: {', '.join(absent)}"
        else:
            found.append(Peer(name, partial(python_module, module), one_post))
    return found, missing
