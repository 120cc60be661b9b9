"""A ticket that is raced at several processes, of one gateway or of two, counts once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import httpx
import psutil
import pytest

from app.settings import Settings
from tests.access.signing import AUDIENCE, ISSUER, SECRET, sign
from tests.cluster.program import Program
from tests.e2e.server_process import free_port
from tests.http.credentials import bearer
from tests.redis_server import redis_server

pytestmark = pytest.mark.slow

CLIENTS = 16
TICKETS = 20


@pytest.mark.parametrize("with_redis", [False, True], ids=["alone", "Redis"])
async def test_a_ticket_raced_at_all_workers_counts_once(
    settings: Settings, with_redis: bool
) -> None:
    assert settings.database_url is not None
    environment = {
        "KPI_DATABASE_URL": settings.database_url.get_secret_value(),
        "KPI_AUTH": "jwt",
        "KPI_JWT_KEY": SECRET,
        "KPI_JWT_ISSUER": ISSUER,
        "KPI_JWT_AUDIENCE": AUDIENCE,
        "KPI_WORKERS": "3",
        "KPI_DRAIN_SECONDS": "0.2",
    }
    async with AsyncExitStack() as stack:
        if with_redis:
            environment["KPI_REDIS_URL"] = (await stack.enter_async_context(redis_server())).url
        ports = [free_port(), free_port()] if with_redis else [free_port()]
        programs = [
            Program("serve", environment | {"KPI_BIND": f"127.0.0.1:{port}"}) for port in ports
        ]
        for program in programs:
            stack.push_async_callback(program.kill)
            await program.start()
        for program in programs:
            await program.says("Dashboard")
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}"))
            for port in ports * (CLIENTS // len(ports))
        ]
        # Each keeps its connection, and so its worker.
        assert {(await client.get("/livez")).status_code for client in clients} == {200}
        assert all(len(busy_workers(*each)) > 1 for each in zip(programs, ports, strict=True))
        for _ in range(TICKETS):
            made = await clients[0].post("/ticket", headers=bearer(sign()))
            target = f"/kpi?ticket={made.json()['ticket']}"
            answers = await asyncio.gather(*(client.get(target) for client in clients))
            for client in clients:
                client.cookies.clear()
            statuses = sorted(answer.status_code for answer in answers)
            assert statuses == [200] + [401] * (len(clients) - 1)
            assert sum("kpi_session" in answer.cookies for answer in answers) == 1


def busy_workers(program: Program, port: int) -> list[int]:
    """Return the workers of a program that hold a connection of a client."""
    return [
        worker.pid
        for worker in psutil.Process(program.pid).children()
        if any(
            each.laddr.port == port and each.status == psutil.CONN_ESTABLISHED
            for each in worker.net_connections()
            if each.laddr
        )
    ]
