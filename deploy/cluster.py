"""The deployment of docs/scaling.md on this machine: `make cluster`.

Two publishers, three gateways, HAProxy in front, Redis, one database, and the demo's rows. Each
process that dies is started again after a second, so that killing one shows what then happens.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from pydantic import SecretStr

from app.data import schema
from app.data.database import Database
from app.data.demo.feed import DemoFeed
from app.data.embedded.server import embedded_postgres
from app.settings import Settings

HERE = Path(__file__).resolve().parent
GATEWAYS = 3
PUBLISHERS = 2
START_SECONDS = 60.0
STOP_SECONDS = 20.0
AGAIN_SECONDS = 1.0


def say(name: str, text: str) -> None:
    """Print what one of the processes does."""
    print(f"{name:<12} {text}", flush=True)


def program(*names: str) -> str:
    """Return where one of these programs is."""
    path = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    raise SystemExit(f"make cluster needs {' or '.join(names)}; please install it")


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


async def keep_running(name: str, command: list[str], environment: Mapping[str, str]) -> None:
    """Run a process, print what it says, and start it again when it dies; end it when cancelled."""
    while True:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **environment},
            # A terminal's Ctrl-C is for this process, which ends the others in their order.
            start_new_session=True,
        )
        say(name, f"process {process.pid}")
        try:
            if process.stdout is not None:
                async for line in process.stdout:
                    say(name, line.decode(errors="replace").rstrip())
            status = await process.wait()
        finally:
            await end(process)
        say(name, f"ended ({status}); again in {AGAIN_SECONDS:g} s")
        await asyncio.sleep(AGAIN_SECONDS)


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end, and see to it that it does."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()


@asynccontextmanager
async def running(
    name: str, command: list[str], environment: Mapping[str, str]
) -> AsyncIterator[None]:
    """Keep a process running while the context lasts."""
    task = asyncio.create_task(keep_running(name, command, environment))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        say(name, "stopped")


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[str]:
    """Yield the URL of the database that the settings name, or of the embedded one."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    async with embedded_postgres(settings.data_dir) as url:
        say("PostgreSQL", f"embedded, its data is in {settings.data_dir.resolve()}")
        yield url


async def ready(url: str) -> None:
    """Wait until the front door leads to a gateway that answers."""
    async with asyncio.timeout(START_SECONDS), httpx.AsyncClient() as client:
        while True:
            with suppress(httpx.HTTPError):
                if (await client.get(f"{url}/kpi")).status_code == 200:
                    return
            await asyncio.sleep(0.1)


async def main(port: int) -> None:
    """Run the cluster until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for wish in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(wish, stop.set)
    redis, haproxy = program("redis-server", "valkey-server"), program("haproxy")
    public, *ports = free_ports(1 + GATEWAYS)
    public = port or public
    kpi_stream = [sys.executable, "-m", "app", "-v"]
    settings = Settings()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="kpi-cluster-")))
        url = await stack.enter_async_context(database(settings))
        complete = settings.model_copy(update={"database_url": SecretStr(url)})
        opened = await stack.enter_async_context(Database(complete))
        await schema.init(opened, complete)
        await stack.enter_async_context(DemoFeed(opened))
        socket_path = folder / "redis.sock"
        where = ["--port", "0", "--unixsocket", str(socket_path), "--dir", str(folder)]
        command = [redis, str(HERE / "redis.conf"), *where]
        await stack.enter_async_context(running("redis", command, {}))
        environment = {"KPI_DATABASE_URL": url, "KPI_REDIS_URL": f"unix://{socket_path}"}
        front = {"KPI_PUBLIC": f"127.0.0.1:{public}"}
        for number, own in enumerate(ports, start=1):
            front[f"KPI_GATEWAY_{number}"] = bind = f"127.0.0.1:{own}"
            serving = running(
                f"gateway{number}", [*kpi_stream, "serve"], {**environment, "KPI_BIND": bind}
            )
            await stack.enter_async_context(serving)
        for number in range(1, PUBLISHERS + 1):
            publishing = running(f"publisher{number}", [*kpi_stream, "publish"], environment)
            await stack.enter_async_context(publishing)
        command = [haproxy, "-db", "-f", str(HERE / "haproxy.cfg")]
        await stack.enter_async_context(running("haproxy", command, front))
        address = f"http://{front['KPI_PUBLIC']}"
        stopping, starting = asyncio.create_task(stop.wait()), asyncio.create_task(ready(address))
        await asyncio.wait([stopping, starting], return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            starting.result()
            say("ready", f"{address}/   (Ctrl-C stops everything)")
        await stopping
        starting.cancel()
        say("stopping", "everything")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="the public port; 0: a free one")
    asyncio.run(main(parser.parse_args().port))
