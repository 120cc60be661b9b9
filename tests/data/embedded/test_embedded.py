"""The embedded PostgreSQL: what it keeps, who stops it, and what it does where it can't work."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from app.data.embedded.server import embedded_postgres
from app.errors import ConfigurationError
from tests.data.embedded.servers import HOLDER, WRITER, line, none_left, run, running, servers

pytestmark = pytest.mark.slow


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name; pytest's are too long for a socket."""
    with tempfile.TemporaryDirectory(prefix="kpi-") as name:
        yield Path(name)


def is_private(folder: Path) -> bool:
    return folder.exists() and folder.stat().st_mode & 0o077 == 0


async def test_data_survives_restarts_and_nothing_listens_on_a_network(folder: Path) -> None:
    async with embedded_postgres(folder) as url:
        await run(url, "CREATE TABLE kept AS SELECT 7 AS number")
        assert await run(url, "SHOW listen_addresses") == ""
        assert [c for p in servers(folder) for c in p.net_connections("inet")] == []
    assert none_left(folder)
    loop = asyncio.get_running_loop()
    async with embedded_postgres(folder) as url:
        assert await run(url, "SELECT number FROM kept") == 7
        leaving = loop.time()
    assert loop.time() - leaving < 3
    assert none_left(folder)


@pytest.mark.parametrize("server_too", [False, True])
async def test_killed_it_loses_no_committed_row(folder: Path, server_too: bool) -> None:
    async with running(WRITER, folder) as process:
        while (committed := int(await line(process))) < 100:
            pass
        process.kill()
        await process.wait()
    left = servers(folder)
    assert left, "the server outlives whoever started it"
    if server_too:
        for server in left:
            with suppress(psutil.NoSuchProcess):
                server.kill()
    async with embedded_postgres(folder) as url:
        assert await run(url, "SELECT max(number) FROM kept") >= committed
        assert await run(url, "SELECT count(*) - 1 - max(number) FROM kept") == 0
    assert none_left(folder)


async def test_the_last_process_to_leave_stops_it(folder: Path) -> None:
    async with running(HOLDER, folder) as process:
        async with embedded_postgres(folder) as url:
            assert await run(url, "SELECT 1") == 1
        assert servers(folder), "somebody else still uses it"
        process.send_signal(signal.SIGINT)
        assert await line(process) == "still there"
        assert await process.wait() == 0
    assert none_left(folder)


async def test_whoever_started_it_may_leave_first(folder: Path) -> None:
    async with running(HOLDER, folder) as process, embedded_postgres(folder) as url:
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
        assert await run(url, "SELECT 1") == 1
    assert none_left(folder)


async def test_many_start_it_at_once(folder: Path) -> None:
    async def use() -> None:
        async with embedded_postgres(folder) as url:
            assert await run(url, "SELECT 1") == 1

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(use())
    assert none_left(folder)


async def test_a_terminals_interrupt_leaves_the_server_to_us(folder: Path) -> None:
    async with running(HOLDER, folder) as process:
        os.killpg(process.pid, signal.SIGINT)
        assert await line(process) == "still there"
        assert await process.wait() == 0
    assert none_left(folder)


async def test_given_up_while_it_starts_it_leaves_nothing_behind(folder: Path) -> None:
    """At whatever moment: while the cluster is made, while the server starts, and after."""

    async def start() -> None:
        async with embedded_postgres(folder):
            await asyncio.Event().wait()

    async def give_up_after(seconds: float) -> None:
        task = asyncio.create_task(start())
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert none_left(folder), seconds

    for seconds in (0.0, 0.02, 0.3):
        await give_up_after(seconds)
    async with embedded_postgres(folder):
        pass
    for step in range(12):
        await give_up_after(step / 60)
    async with embedded_postgres(folder) as url:
        assert await run(url, "SELECT 1") == 1


async def test_the_event_loop_goes_on_while_it_starts(folder: Path) -> None:
    loop = asyncio.get_running_loop()
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = loop.time()
            await asyncio.sleep(0.005)
            longest = max(longest, loop.time() - before)

    watching = asyncio.create_task(watch())
    before = loop.time()
    async with embedded_postgres(folder):
        started = loop.time() - before
    watching.cancel()
    assert longest < started / 2


@pytest.mark.parametrize("name", ["x" * 120, "with space, comma and 'quote'", "größer"])
async def test_any_path_will_do(folder: Path, name: str) -> None:
    async with embedded_postgres(folder / name) as url:
        assert await run(url, "SELECT 1") == 1
        socket_dir = Path(parse_qs(urlsplit(url).query)["host"][0])
        assert is_private(socket_dir)
    assert none_left(folder / name)
    assert folder in socket_dir.parents or not is_private(socket_dir)


async def test_a_dead_servers_id_may_belong_to_somebody_else(folder: Path) -> None:
    async with embedded_postgres(folder) as url:
        await run(url, "CREATE TABLE kept AS SELECT 7 AS number")
        mark = folder / "postgres" / "postmaster.pid"
        said = mark.read_text()
        socket_mark = folder / "postgres" / ".s.PGSQL.5432.lock"
        said_there = socket_mark.read_text()
    socket_mark.write_text(said_there.replace(said.split()[0], str(os.getpid()), 1))
    mark.write_text(said.replace(said.split()[0], str(os.getpid()), 1))
    async with embedded_postgres(folder) as url:
        assert await run(url, "SELECT number FROM kept") == 7


async def test_interrupted_while_the_cluster_is_made(folder: Path) -> None:
    half = folder / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    async with embedded_postgres(folder) as url:
        assert await run(url, "SELECT 1") == 1


async def test_a_folder_that_is_a_file(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(ConfigurationError, match=r"KPI_DATA_DIR .*file is not usable"):
        async with embedded_postgres(folder / "file"):
            pass


async def test_a_cluster_of_another_release(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(ConfigurationError, match="made by PostgreSQL 12"):
        async with embedded_postgres(folder):
            pass


async def test_a_cluster_that_does_not_start_says_why(folder: Path) -> None:
    async with embedded_postgres(folder):
        pass
    with (folder / "postgres" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(ConfigurationError, match="no_such_setting"):
        async with embedded_postgres(folder):
            pass
    assert none_left(folder)


async def test_somebody_elses_files_are_left_alone(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "letter.txt").write_text("dear all")
    with pytest.raises(ConfigurationError, match="does not start"):
        async with embedded_postgres(folder):
            pass
    assert (folder / "postgres" / "letter.txt").read_text() == "dear all"
