"""A small Quart app on the real server, the real group and real sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from quart import Quart, Response, request

from app.http.direct import DirectHTTPConnection
from app.live.detach import EXTENSION, SocketOffer
from app.live.fanout import Delivery, Group, Subscription, Writer
from app.live.subscriber import Payload, QueuedSubscriber, Subscriber
from app.metrics import Metrics
from app.models import Channel
from app.server.config import configure
from app.server.connection import Connection
from app.server.hypercorn_contract import Config
from app.server.limits import Limits
from app.server.serve import Hooks, serve
from app.server.sockets import listening
from app.server.stopping import Stop
from app.server.tls import Certificate
from app.settings import Settings

PREAMBLE = b"retry: 2000\n\nevent: snapshot\ndata: {}\n\n"
SERVING = Connection._serve.__qualname__
LIMITS = Limits(half_closed_seconds=0.5)


class WatchedAudience(Group):
    """The real group, which also says when its members change."""

    changed: asyncio.Event

    def join(self, subscriber: Subscriber) -> None:
        super().join(subscriber)
        self.changed.set()

    def replace(self, old: Subscriber, new: Subscriber) -> None:
        super().replace(old, new)
        self.changed.set()

    def leave(self, subscriber: Subscriber) -> None:
        super().leave(subscriber)
        self.changed.set()


class Stage:
    """What a test needs of a running server."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.writer = Writer(self.metrics)
        self.changed = asyncio.Event()
        channels = (Channel.parse("kpi:minute"),)
        self.group = WatchedAudience(channels, (), self.writer.put, lambda _: None)
        self.group.changed = self.changed
        self.stop = Stop()
        self.ready = asyncio.Event()
        self.port = 0
        self.log: list[str] = []
        self.subscriptions: list[Subscription] = []
        self.drained = asyncio.Event()
        self.handlers = 0
        self.pieces = 0
        self.hold = asyncio.Event()
        self.held = asyncio.Event()

    def app(self) -> Quart:
        """Return the app: an endless stream, a short answer, one that waits, one that fails."""
        app = Quart(__name__)
        app.asgi_http_class = DirectHTTPConnection

        @app.before_serving
        async def begin() -> None:
            self.log.append("startup")

        @app.after_serving
        async def end() -> None:
            self.log.append("shutdown")

        @app.get("/stream")
        async def stream() -> Response:
            extensions: dict[str, Any] = request.scope["extensions"]
            offer: SocketOffer | None = extensions.get(EXTENSION)
            response = Response(self.stream(offer), headers={"Content-Type": "text/event-stream"})
            response.timeout = None
            return response

        @app.route("/offered", methods=["GET", "POST"])
        async def offered() -> Response:
            there = EXTENSION in request.scope["extensions"]
            return Response(b"", headers={"X-Offered": "yes" if there else "no"})

        @app.get("/short")
        async def short() -> str:
            return "short"

        @app.get("/readyz")
        async def ready() -> str:
            return "ready"

        @app.get("/slow")
        async def slow() -> str:
            self.held.set()
            await self.hold.wait()
            return "slow"

        @app.get("/endless")
        async def endless() -> Response:
            response = Response(self.endless())
            response.timeout = None
            return response

        @app.get("/large")
        async def large() -> bytes:
            return bytes(8_000_000)

        return app

    async def stream(self, offer: SocketOffer | None) -> AsyncIterator[bytes]:
        """Stream as the app's own routes do."""
        queue = QueuedSubscriber(asyncio.get_running_loop().time() + 3600, self.metrics)
        self.group.join(queue)
        subscription = Subscription(self.group, queue, lambda _: None)
        self.handlers += 1
        try:
            yield PREAMBLE
            if offer is None:
                async for payload in queue:
                    yield payload.plain
            else:
                await offer.detach(subscription)
        finally:
            self.handlers -= 1
            self.changed.set()
            if not subscription.detached:
                subscription.leave()

    async def endless(self) -> AsyncIterator[bytes]:
        """Send without end, as fast as it goes."""
        self.handlers += 1
        try:
            while True:
                self.pieces += 1
                yield bytes(65_536)
                await asyncio.sleep(0)
        finally:
            self.handlers -= 1
            self.changed.set()

    async def publish(self, *data: bytes) -> None:
        """Send events to all through the one writer, and wait until they are written."""
        for each in data:
            payload = Payload(b"data: " + each + b"\n\n")
            self.writer.put(Delivery(payload, list(self.group.members)))
        await self.writer.emptied()

    def deliver(self, data: bytes) -> None:
        """Send one event to all at once."""
        payload = Payload(b"data: " + data + b"\n\n")
        for member in list(self.group.members):
            member.deliver(payload)

    async def drain(self, seconds: float) -> None:
        """Close all streams."""
        self.log.append("drain")
        for member in list(self.group.members):
            member.close()
        self.drained.set()

    async def listeners(self, count: int, *, detached: bool = True) -> None:
        """Wait until so many listen, and their requests have unwound."""
        async with asyncio.timeout(10):
            while len(self.group.members) != count or (detached and self.handlers):
                self.changed.clear()
                await self.changed.wait()


async def idle() -> None:
    """Wait until no connection is served by Hypercorn."""
    async with asyncio.timeout(10):
        for _ in range(5):  # turns of the event loop in which what has come may be accepted
            while tasks := [each for each in asyncio.all_tasks() if SERVING in repr(each)]:
                await asyncio.wait(tasks)
            await asyncio.sleep(0)


@asynccontextmanager
async def running(
    stage: Stage,
    *,
    limits: Limits = LIMITS,
    certificate: tuple[Path, Path] | Certificate | None = None,
    http2: bool = False,
    drain_seconds: float = 1.0,
) -> AsyncIterator[Stage]:
    """Serve the stage's app on a free port until the context is left."""
    settings = Settings(bind="127.0.0.1:0", http2=http2)
    config = configure(settings)
    if isinstance(certificate, tuple):
        certificate = Certificate(*certificate, config.alpn_protocols)
    hooks = Hooks(
        started=stage.ready.set,
        stopping=lambda: stage.log.append("stopping"),
        drain=stage.drain,
    )
    # The kernel's own patience is long here: the tests look at ours.
    with listening(settings.address, send_timeout_seconds=30) as (sock, bind):
        stage.port = bind.port
        async with _serving(stage, limits, config, sock, certificate, hooks, drain_seconds):
            yield stage


@asynccontextmanager
async def _serving(
    stage: Stage,
    limits: Limits,
    config: Config,
    sock: socket.socket,
    certificate: Certificate | None,
    hooks: Hooks,
    drain_seconds: float,
) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(stage.writer.run())
        serving = group.create_task(
            serve(
                stage.app(),
                config,
                sock,
                certificate=certificate,
                limits=limits,
                metrics=stage.metrics,
                stop=stage.stop,
                hooks=hooks,
                drain_seconds=drain_seconds,
            )
        )
        async with asyncio.timeout(10):
            await stage.ready.wait()
        try:
            yield
        finally:
            stage.stop.request()
            await asyncio.wait((serving,))
            writing.cancel()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a self-signed certificate for localhost; return certificate and key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-out", str(certificate)]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def trusting(certificate: Path, protocol: str = "http/1.1") -> ssl.SSLContext:
    """Return a client's TLS context that trusts the certificate."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.set_alpn_protocols([protocol])
    return context
