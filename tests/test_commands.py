"""The command line as a process, as its users meet it."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import httpx
import psutil
import pytest

from app.commands.watch import Watch
from app.data.embedded.server import embedded_postgres
from app.models import Channel
from app.settings import Settings
from tests.e2e.server_process import STARTED, free_port

PATIENCE_SECONDS = 60.0


@dataclass
class Ended:
    """What a command said, and its exit status."""

    status: int
    out: str
    err: str


async def start(*arguments: str, **settings: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app",
        *arguments,
        env={"PATH": os.environ["PATH"], **settings},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


async def run(*arguments: str, stdin: str = "", **settings: str) -> Ended:
    process = await start(*arguments, **settings)
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, err = await process.communicate(stdin.encode())
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


def url_of(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()


@asynccontextmanager
async def demo(folder: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A demo that has said that it serves."""
    port = free_port()
    process = await start("demo", KPI_DATA_DIR=folder, KPI_BIND=f"127.0.0.1:{port}")
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while STARTED not in (line := await process.stderr.readline()):
                assert line, "the demo has ended"
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def processes_on(folder: str) -> list[int]:
    """Return the processes that were started with the folder in their command line."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(folder in word for word in process.info["cmdline"] or []):
            found.append(process.pid)
    return found


@pytest.fixture(scope="module")
def data_folder() -> Iterator[str]:
    """A folder of data for several tests: to set up a database takes longer than to start it."""
    with TemporaryDirectory(prefix="kpi-") as folder:
        yield folder


async def rows(folder: str) -> int:
    async with embedded_postgres(Path(folder)) as url:
        connection = await asyncpg.connect(url)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM kpi_raw_data"))
        finally:
            await connection.close()


@pytest.mark.slow
async def test_the_demo_is_full_at_once_and_ctrl_c_leaves_nothing_behind() -> None:
    with TemporaryDirectory(prefix="kpi-") as folder:
        async with demo(folder) as (process, url), httpx.AsyncClient(base_url=url) as client:
            kpi = (await client.get("/kpi/perfect_order_fulfilment")).json()
            assert len(kpi["history"]) == 60
            assert kpi["current"]["value"] is not None
            catalogue = (await client.get("/kpi")).json()["kpis"]
            simulated = {entry["code"]: entry["simulated"] for entry in catalogue}
            assert simulated["perfect_order_fulfilment"] and not simulated["cpu_utilisation"]
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            async with asyncio.timeout(5):
                assert await process.wait() == 0
        assert processes_on(folder) == []


@pytest.mark.slow
async def test_a_killed_demo_starts_again_and_has_every_row() -> None:
    with TemporaryDirectory(prefix="kpi-") as folder:
        async with demo(folder) as (process, _):
            before = await rows(folder)
            process.kill()
            await process.wait()
        assert await rows(folder) >= before > 10_000
        async with demo(folder) as (process, _):
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        assert processes_on(folder) == []


async def test_serving_a_database_without_the_views_says_what_to_do(empty_url: str) -> None:
    ended = await run("serve", KPI_DATABASE_URL=empty_url, KPI_BIND=f"127.0.0.1:{free_port()}")
    assert ended.status == 1
    assert "kpi-stream db init" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.slow
async def test_a_database_is_initialised_checked_and_filled(empty_url: str) -> None:
    assert (await run("db", "check", KPI_DATABASE_URL=empty_url)).status == 1
    for _ in range(2):
        assert (await run("db", "init", KPI_DATABASE_URL=empty_url)).status == 0
    checked = await run("db", "check", KPI_DATABASE_URL=empty_url)
    assert (checked.status, "error" in checked.out) == (0, False), checked.out
    csv = "2026-05-04T12:00:01Z,sales,1\n2026-05-04T12:00:02Z,sales,3\n"
    imported = await run("import", "-", stdin=csv, KPI_DATABASE_URL=empty_url)
    assert (imported.status, "2 rows loaded" in imported.err) == (0, True), imported.err
    connection = await asyncpg.connect(empty_url)
    average = await connection.fetchval("SELECT avg_value FROM kpi_values_day")
    await connection.close()
    assert average == 2.0


async def test_init_adds_up_the_rows_that_are_there(empty_url: str) -> None:
    """Whoever serves them need not do it first, and answers at once."""
    connection = await asyncpg.connect(empty_url)
    await connection.execute(
        'CREATE TABLE kpi_raw_data ("timestamp" timestamptz, kpi_code text, value float8);'
        "INSERT INTO kpi_raw_data SELECT now() - n * INTERVAL '1 minute', 'a', n"
        " FROM generate_series(5, 5000) AS n"
    )
    assert (await run("db", "init", KPI_DATABASE_URL=empty_url)).status == 0
    dirty = "SELECT count(*) FROM kpi_dirty"
    assert await connection.fetchval(dirty) == 0
    assert await connection.fetchval("SELECT count(*) FROM kpi_rollup_minute") == 4996
    await connection.close()


async def test_another_time_zone_than_the_databases_is_refused(settings: Settings) -> None:
    environment = {"KPI_DATABASE_URL": url_of(settings), "KPI_TIMEZONE": "Asia/Kolkata"}
    ended = await run("serve", KPI_BIND=f"127.0.0.1:{free_port()}", **environment)
    assert (ended.status, "kpi-stream db init" in ended.err) == (1, True), ended.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KPI_TIMEZONE", "Mars/Olympus"),
        ("KPI_GRACE_SECONDS", "-1"),
        ("KPI_CORRECTION_WINDOW", "two hours"),
        ("KPI_WORKERS", "0"),
    ],
)
async def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    ended = await run("serve", **{name: value})
    assert ended.status == 1
    assert name in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("command", ["import -", "publish", "serve", "demo"])
async def test_no_signal_leaves_a_database_running(
    command: str, number: signal.Signals, data_folder: str
) -> None:
    """Whatever runs on the embedded PostgreSQL: the last to leave stops it."""
    settings = {"KPI_DATA_DIR": data_folder, "KPI_BIND": f"127.0.0.1:{free_port()}"}
    if command == "publish":  # without any it ends by itself
        settings["KPI_REDIS_URL"] = f"redis://127.0.0.1:{free_port()}"
    process = await start(*command.split(), **settings)
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while b"PostgreSQL   embedded" not in (line := await process.stderr.readline()):
                assert line, "it has ended"
            assert processes_on(data_folder)
            process.send_signal(number)
            await process.communicate()
        assert processes_on(data_folder) == []
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_on_windows_it_says_where_it_runs() -> None:
    script = """
import sys
sys.platform = "win32"
for name in ("fcntl", "pwd", "resource", "termios"):
    sys.modules[name] = None  # so that importing it fails
from app.__main__ import main
main()
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == 1
    assert "runs on Linux and macOS. On Windows, run it in the Windows Subsystem" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("locale", ["C", "POSIX"])
async def test_where_the_locale_is_ascii_it_speaks_utf_8_all_the_same(locale: str) -> None:
    ascii_alone = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ended = await run("import", "Übung 値.csv", **ascii_alone)
    assert ended.status != 0
    assert "Übung 値.csv" in ended.err


def test_watch_says_once_that_it_is_not_connected() -> None:
    out, errors = io.StringIO(), io.StringIO()
    watch = Watch("http://127.0.0.1:1", Channel.parse("sales:minute"), out, errors)
    for _ in range(3):
        watch._lose(httpx.ConnectError("refused"))
    assert errors.getvalue().count("not connected") == 1


@pytest.mark.slow
async def test_every_command_explains_itself() -> None:
    commands = ["demo", "serve", "publish", "import", "db init", "db check", "watch"]
    for command in commands:
        ended = await run(*command.split(), "--help")
        assert (ended.status, "Usage:" in ended.out) == (0, True), command


async def test_watch_prints_values_as_they_come(settings: Settings) -> None:
    port = free_port()
    url = url_of(settings)
    connection = await asyncpg.connect(url)
    await connection.execute(
        "INSERT INTO kpi_raw_data SELECT date_trunc('minute', now()) + n * interval '1 minute',"
        " 'sales', 7 FROM generate_series(-1, 2) n"  # whichever minute is the last
    )
    await connection.close()
    server = await start(
        "serve", KPI_DATABASE_URL=url, KPI_BIND=f"127.0.0.1:{port}", KPI_GRACE_SECONDS="0"
    )
    watching = await start("watch", "sales", "--url", f"http://127.0.0.1:{port}")
    assert watching.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            line = await watching.stdout.readline()
        assert line.decode().startswith("sales  7  ")
    finally:
        for process in (watching, server):
            process.terminate()
            await process.communicate()


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"<html>", "text/html", "is not a kpi-stream server: it answers 200 with text/html"),
        (b"{}", "application/json", "is not a kpi-stream server"),
    ],
)
async def test_watch_says_that_a_server_is_another_ones(body: bytes, kind: str, says: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        ended = await run("watch", "sales", "--url", f"127.0.0.1:{port}")  # without a scheme
    assert ended.status == 1
    assert says in ended.err


CATALOGUE = b'{"kpis": []}'
STREAM = "text/event-stream"
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: "


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([b"-ERR unknown command\r\n\r\n"], "what it answers is no HTTP"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], "it answers 204 with nothing"),
        ([b"HTTP/1.1 302 Found\r\nLocation: /kpi\r\nContent-Length: 0\r\n\r\n"] * 30, "redirects"),
        (
            [b"HTTP/1.1 302 Found\r\nLocation: ftp://x/\r\nContent-Length: 0\r\n\r\n"],
            "unsupported protocol",
        ),
        ([HEAD + b'application/json\r\n\r\n{"kpis": [1]}'], "its list of KPIs is none"),
        ([HEAD + b"application/json\r\n\r\n<html>"], "its list of KPIs is none"),
        (
            [
                HEAD + b"application/json\r\n\r\n" + CATALOGUE,
                HEAD + b"application/problem+json\r\n\r\nx",
            ],
            "it answers 200",
        ),
        (
            [
                HEAD + b"application/json\r\n\r\n" + CATALOGUE,
                HEAD + b"text/event-stream\r\n\r\nevent: snapshot\ndata: {}\n\n",
            ],
            "cannot read its event 'snapshot', as of another release",
        ),
        (
            [
                HEAD + b"application/json\r\n\r\n" + CATALOGUE,
                HEAD + b"text/event-stream\r\n\r\nevent: value\ndata: <b>\n\n",
            ],
            "cannot read its event 'value', as of another release",
        ),
    ],
)
async def test_watch_gives_up_what_trying_again_does_not_change(
    answers: list[bytes], says: str
) -> None:
    left = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        # Somebody who tries again, on a busy machine, is told the last once more.
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        ended = await run("watch", "sales", "--url", f"http://127.0.0.1:{port}")
    assert (ended.status, "Traceback" in ended.err) == (1, False)
    assert says in ended.err
    assert "such as http://127.0.0.1:8000" in ended.err


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://a b/", "http://127.0.0.1:99999", "http://", "ftp://x"]
)
async def test_watch_says_what_is_no_address(url: str) -> None:
    ended = await run("watch", "sales", "--url", url)
    assert (ended.status, "Traceback" in ended.err) == (1, False), ended.err
    assert f"Error: {url} is not a kpi-stream server: " in ended.err
