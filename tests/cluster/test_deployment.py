"""The deployment that ships, run as `make cluster` runs it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys

import httpx
import psutil
import pytest

from app.settings import Settings
from tests.stream_client import open_stream
from tests.test_layers import ROOT

pytestmark = pytest.mark.slow


async def test_the_cluster_runs_and_leaves_nothing_behind(settings: Settings) -> None:
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "deploy" / "cluster.py"), "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "KPI_DATABASE_URL": url, "PYTHONUNBUFFERED": "1"},
    )
    children: list[psutil.Process] = []
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            while not (line := (await process.stdout.readline()).decode()).startswith("ready"):
                assert line
        port = int(re.findall(r"http://127\.0\.0\.1:(\d+)/", line)[0])
        children = psutil.Process(process.pid).children(recursive=True)
        draining = asyncio.create_task(process.stdout.read())
        # Redis, three gateways, two publishers, HAProxy.
        assert len(children) == 7
        async with open_stream(port, "/kpi/cpu_utilisation/stream") as stream:
            assert (await stream.event()).event == "snapshot"
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{port}/metrics")
            assert answer.status_code == 404
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            assert await process.wait() == 0
            await draining
        assert psutil.wait_procs(children, timeout=1)[1] == []
    finally:
        if process.returncode is None:
            for child in children:
                child.kill()
            process.kill()
            await process.wait()
