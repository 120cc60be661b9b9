"""Where `demo` and `serve` listen, and how they end, as processes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import httpx
import psutil
import pytest

from app.data.embedded.server import embedded_postgres
from tests.test_commands import PATIENCE_SECONDS, demo, processes_on, run, start

INSERT = "INSERT INTO kpi_raw_data VALUES (now() - interval '1 hour', 'sales', 1)"
NOWHERE = "postgresql://127.0.0.1:1/nowhere"


def list_of(folder: str) -> list[Path]:
    return list(Path(folder).iterdir())


@pytest.mark.parametrize("command", ["demo", "serve"])
async def test_a_taken_port_is_noticed_before_a_database_is_made(command: str) -> None:
    with socket.socket() as taken, TemporaryDirectory(prefix="kpi-") as folder:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = await run(command, KPI_BIND=bind, KPI_DATA_DIR=f"{folder}/data")
        assert (ended.status, ended.out) == (1, "")
        assert ended.err == f"Error: KPI_BIND: cannot listen on {bind}: Address already in use\n"
        assert list_of(folder) == []


async def line_with(process: asyncio.subprocess.Process, word: str) -> str:
    """Return the next line of what a process says that has a word in it."""
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        while word not in (line := (await process.stderr.readline()).decode()):
            assert line, "the process has ended"
    return line


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_unix_socket_is_served_by_all_workers(workers: str) -> None:
    with TemporaryDirectory(prefix="kpi-") as folder:
        path = f"{folder}/kpi.sock"
        process = await start(
            "serve", KPI_BIND=f"unix:{path}", KPI_WORKERS=workers, KPI_DATABASE_URL=NOWHERE
        )
        try:
            assert path in await line_with(process, "Dashboard")
            for _ in range(10):
                transport = httpx.AsyncHTTPTransport(uds=path)
                async with httpx.AsyncClient(transport=transport) as client:
                    assert (await client.get("http://localhost/livez")).status_code == 200
            process.terminate()
            async with asyncio.timeout(10):
                assert await process.wait() == 0
            assert list_of(folder) == []
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
            await process.communicate()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_port_0_says_which_it_is(workers: str) -> None:
    process = await start(
        "serve", KPI_BIND="127.0.0.1:0", KPI_WORKERS=workers, KPI_DATABASE_URL=NOWHERE
    )
    try:
        url = (await line_with(process, "Dashboard")).split()[1]
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/livez")).status_code == 200
        process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


@pytest.mark.slow
async def test_a_closed_terminal_ends_the_demo_and_its_database() -> None:
    with TemporaryDirectory(prefix="kpi-") as folder:
        async with demo(folder) as (process, _):
            process.send_signal(signal.SIGHUP)
            async with asyncio.timeout(20):
                assert await process.wait() == 0
        assert processes_on(folder) == []


@pytest.mark.slow
async def test_a_demo_whose_reader_has_gone_ends() -> None:
    """As in `kpi-stream demo 2>&1 | head -1`."""
    with TemporaryDirectory(prefix="kpi-") as folder:
        process = await start("demo", KPI_DATA_DIR=folder, KPI_BIND="127.0.0.1:0")
        try:
            await line_with(process, "embedded")
            transport = process._transport.get_pipe_transport(2)  # type: ignore[attr-defined]
            transport.close()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await process.wait()
            assert processes_on(folder) == []
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


def postmaster(folder: str) -> psutil.Process:
    return psutil.Process(int(Path(folder, "postgres/postmaster.pid").read_text().split()[0]))


@pytest.mark.slow
async def test_a_frozen_database_does_not_hold_up_the_end() -> None:
    with TemporaryDirectory(prefix="kpi-") as folder:
        async with embedded_postgres(Path(folder)) as url:
            server = postmaster(folder)
            ready = await run("db", "init", KPI_DATABASE_URL=url)
            assert ready.status == 0
            connection = await asyncpg.connect(url)
            await connection.execute(INSERT)
            await connection.close()
            process = await start("serve", KPI_BIND="127.0.0.1:0", KPI_DATABASE_URL=url)
            frozen = []
            try:
                own = (await line_with(process, "Dashboard")).split()[1]
                async with httpx.AsyncClient(base_url=own) as client:
                    assert (await client.get("/kpi/sales")).status_code == 200
                    frozen = [server, *server.children(recursive=True)]
                    for each in frozen:
                        each.suspend()
                    with pytest.raises(httpx.ReadTimeout):
                        await client.get("/kpi/sales?history=77", timeout=1.5)
                process.terminate()
                async with asyncio.timeout(20):
                    assert await process.wait() == 0
            finally:
                for each in frozen:
                    each.resume()
                if process.returncode is None:
                    process.kill()
                await process.communicate()


@pytest.mark.slow
async def test_a_demo_says_that_it_is_one_process() -> None:
    with TemporaryDirectory(prefix="kpi-") as folder:
        process = await start("demo", KPI_WORKERS="3", KPI_DATA_DIR=folder, KPI_BIND="127.0.0.1:0")
        try:
            said = await line_with(process, "KPI_WORKERS")
            assert said == "KPI_WORKERS=3 is for kpi-stream serve; the demo is one process\n"
            await line_with(process, "Dashboard")
            workers = psutil.Process(process.pid).children()
            assert [child for child in workers if "python" in child.name()] == []
            process.terminate()
        finally:
            if process.returncode is None and process.stderr is not None:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await process.communicate()
