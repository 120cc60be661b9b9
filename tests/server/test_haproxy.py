"""Behind HAProxy as it is shipped: long requests pass, and clients that leave are noticed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e.server_process import free_port
from tests.server.clients import connected
from tests.server.stage import PREAMBLE, Stage, running

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "haproxy.cfg"


@asynccontextmanager
async def haproxy(stage: Stage) -> AsyncIterator[int]:
    """Run HAProxy in front of the stage and yield its port once it leads there."""
    port = free_port()
    gateways = {f"KPI_GATEWAY_{number}": f"127.0.0.1:{stage.port}" for number in (1, 2, 3)}
    process = await asyncio.create_subprocess_exec(
        *("haproxy", "-f", str(CONFIGURATION)),
        env={"PATH": f"{os.environ['PATH']}:/usr/sbin", "KPI_PUBLIC": f"127.0.0.1:{port}"}
        | gateways,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(20):
            while not await leads_there(port):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def leads_there(port: int) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/short")).status_code == 200
        except httpx.TransportError:
            return False


async def test_a_client_that_leaves_leaves_the_gateway(stage: Stage) -> None:
    async with running(stage), haproxy(stage) as port:
        async with connected(port) as client:
            await client.get("/stream")
            assert await client.body(len(PREAMBLE)) == PREAMBLE
            await stage.listeners(1)
        await stage.listeners(0)  # though nothing is sent that would show it


@pytest.mark.parametrize("channels", [1, 256])
async def test_as_many_channels_as_there_may_be_pass(stage: Stage, channels: int) -> None:
    names = "&".join(f"channel={'x' * 24}:minute" for _ in range(channels))
    head = f"GET /short?{names} HTTP/1.1\r\nHost: x\r\nLast-Event-ID: {'c' * 31 * channels}\r\n\r\n"
    async with running(stage), haproxy(stage) as port, connected(port) as client:
        client.writer.write(head.encode())
        assert (await client.reader.readline()).startswith(b"HTTP/1.1 200")
