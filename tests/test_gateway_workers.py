"""Several gateways behind one port are one to those outside."""

from __future__ import annotations

import asyncio
import re

import h11
import httpx
import psutil

from app.data.database import Database
from app.metrics import COUNTERS, GAUGES, Metrics
from app.settings import Settings
from tests.cluster.program import Program
from tests.e2e.server_process import free_port
from tests.stream_client import open_stream
from tests.world import execute


def test_every_count_is_described() -> None:
    assert list(Metrics.__slots__) == list(COUNTERS)
    assert not COUNTERS.keys() & GAUGES.keys()


async def page(port: int) -> dict[str, float]:
    """Read what /metrics says, and hold it to Prometheus's text format."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    for name in (*(f"{name}_total" for name in COUNTERS), *GAUGES):
        assert sum(line.startswith(f"kpi_stream_{name} ") for line in lines) == 1, name
    found = [re.fullmatch(r"kpi_stream_(\w+) (\S+)", line) for line in lines if line[0] != "#"]
    return {match[1]: float(match[2]) for match in found if match is not None}


async def shows(port: int, *, streams: int, opened: int) -> None:
    """Wait until the page tells of all workers, so many streams, and at least so many opened."""
    found: dict[str, float] = {}
    try:
        async with asyncio.timeout(30):
            while True:
                found = await page(port)
                whole = found["processes"] == 3 and found["streams_open"] == streams
                if whole and found["streams_opened_total"] >= opened:
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{streams} streams and {opened} opened, not {found}") from None


async def test_one_page_of_metrics_for_all_workers(settings: Settings, database: Database) -> None:
    assert settings.database_url is not None
    # A KPI is known from its first complete bucket on.
    await execute(
        database, "INSERT INTO kpi_raw_data VALUES (now() - interval '2 minutes', 'sales', 1)"
    )
    port = free_port()
    program = Program(
        "serve",
        {
            "KPI_DATABASE_URL": settings.database_url.get_secret_value(),
            "KPI_BIND": f"127.0.0.1:{port}",
            "KPI_WORKERS": "3",
            "KPI_DRAIN_SECONDS": "0.2",
        },
    )
    await program.start()
    try:
        await program.says("Dashboard")
        workers = psutil.Process(program.pid).children()
        assert len(workers) == 3
        tasks = [asyncio.create_task(listen(port)) for _ in range(24)]
        await shows(port, streams=24, opened=24)
        at_port = [c for c in workers[0].net_connections() if c.laddr and c.laddr.port == port]
        lost = sum(c.status == psutil.CONN_ESTABLISHED for c in at_port)
        assert lost > 0
        workers[0].kill()
        await program.says("died")
        # The streams of the one that died come again elsewhere, and no count falls.
        await shows(port, streams=24, opened=24 + lost)
        assert await program.stop() == 0
        assert psutil.wait_procs(workers, timeout=5)[1] == []
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    finally:
        await program.kill()


async def listen(port: int) -> None:
    """Hold a stream open, again whenever it ends."""
    while True:
        try:
            async with open_stream(port, "/kpi/sales/stream") as stream:
                while True:
                    await stream.event()
        except (OSError, EOFError, AssertionError, TimeoutError, h11.RemoteProtocolError):
            await asyncio.sleep(0.1)
