"""Runs a proxy in front of a gateway until a block ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.e2e.server_process import free_port
from tests.proxies.kinds import KINDS, Kind, Place, shipped
from tests.server.stage import make_certificate, trusting

PATIENCE_SECONDS = 20.0
ATTEMPTS = 3


@dataclass(frozen=True)
class Running:
    """A proxy that answers; `certificate` is whom to trust where it speaks TLS."""

    port: int
    certificate: Path | None = None

    @property
    def url(self) -> str:
        return f"{'http' if self.certificate is None else 'https'}://127.0.0.1:{self.port}"


@asynccontextmanager
async def run(
    kind: Kind, gateway: int, text: str | None, *, tls: bool = False
) -> AsyncIterator[Running]:
    """Run a proxy in front of a gateway until the block ends; `text`: not its defaults."""
    with TemporaryDirectory(prefix="kpi-proxy-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # noqa: ASYNC240
        if tls:
            await asyncio.to_thread(make_certificate, folder)
        port, process = await _start(kind, folder, gateway, text)
        try:
            yield Running(port, folder / "certificate.pem" if tls else None)
        finally:
            await _stop(kind, process)


async def _start(
    kind: Kind, folder: Path, gateway: int, text: str | None
) -> tuple[int, asyncio.subprocess.Process]:
    """Start it; again where another process was quicker to take the port."""
    log = folder / "log"
    for _ in range(ATTEMPTS):
        place = Place(folder, free_port(), gateway)
        command = kind.command(place, text)
        path = f"{os.environ['PATH']}:/usr/sbin"
        program = shutil.which(command[0], path=path)
        assert program is not None, f"{command[0]} is not installed: run `make test`"
        environment = {"PATH": path, "HOME": str(folder), "LANG": "C"}
        environment |= {f"KPI_GATEWAY_{number}": f"127.0.0.1:{gateway}" for number in (1, 2, 3)}
        environment["KPI_PUBLIC"] = f"127.0.0.1:{place.port}"
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                program,
                *command[1:],
                stdout=file,
                stderr=file,
                env=environment,
                start_new_session=True,
            )
        if await _answers(process, place.port):
            return place.port, process
        await _stop(kind, process)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace"))


async def _answers(process: asyncio.subprocess.Process, port: int) -> bool:
    """Wait until it accepts; False when it has ended."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return True
    return False


async def _stop(kind: Kind, process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        if kind.stops_late:
            os.killpg(process.pid, signal.SIGKILL)  # with its children
        else:
            process.terminate()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def behind(name: str, gateway: int, *, defaults: bool = False) -> AsyncIterator[Running]:
    """Put a proxy in front of a gateway's port, and wait until it leads there."""
    kind = KINDS[name]
    text = None if defaults else shipped(name)
    async with run(kind, gateway, text, tls=kind.tls and not defaults) as proxy:
        await leads(proxy)
        yield proxy


async def leads(proxy: Running, path: str = "/livez") -> None:
    """Wait until a request through the proxy is answered by the gateway."""
    tls = True if proxy.certificate is None else trusting(proxy.certificate)
    async with httpx.AsyncClient(verify=tls, base_url=proxy.url) as client:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await client.get(path)).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
