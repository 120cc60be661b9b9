"""The embedded PostgreSQL where machines are small, strict, or not what one has at home."""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import psutil
import pytest

from app.data.embedded.cluster import Cluster
from app.data.embedded.programs import find_programs
from app.data.embedded.server import embedded_postgres
from app.errors import ConfigurationError
from tests.data.embedded.servers import none_left, run, servers
from tests.e2e.server_process import free_port
from tests.machines import as_root, with_mounts

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
CONTAINER = (
    "chown,dac_override,fsetid,fowner,mknod,net_raw,setgid,setuid,setfcap,setpcap,"
    "net_bind_service,sys_chroot,kill,audit_write"
)
"""What Docker and its kin leave root by default: no dac_read_search, no sys_ptrace."""

SCRIPT = """
import asyncio, sys
from pathlib import Path
import asyncpg
from app.data.embedded.server import embedded_postgres
from app.errors import ConfigurationError

async def main():
    async with embedded_postgres(Path(sys.argv[1])) as url:
        async with embedded_postgres(Path(sys.argv[1])) as again:  # found, not started
            assert again == url
        connection = await asyncpg.connect(url)
        print(await connection.fetchval("SELECT 'works'"))
        await connection.close()

try:
    asyncio.run(main())
except ConfigurationError as error:
    raise SystemExit(str(error))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kpi-") as name:
        yield Path(name)


def tried(
    data_dir: Path, *prefix: str | Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, sys.executable, "-c", SCRIPT, data_dir],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def container(*, without: str = "") -> tuple[str, ...]:
    left = [f"+{name}" for name in CONTAINER.split(",") if name != without]
    return ("setpriv", f"--bounding-set=-all,{','.join(left)}")


@as_root
@pytest.mark.parametrize("is_open", [True, False])
def test_root_in_a_container_has_its_database(folder: Path, is_open: bool) -> None:
    """Also in root's home, where the server's user may not enter."""
    folder.chmod(0o755 if is_open else 0o700)
    ended = tried(folder / "data", *container())
    assert (ended.returncode, ended.stdout) == (0, "works\n"), ended.stderr


@pytest.mark.parametrize("locale", ["C", "POSIX", "xx_YY"])
def test_a_path_in_any_script_where_the_locale_is_ascii(folder: Path, locale: str) -> None:
    """Python gives such a name as surrogates, which no UTF-8 can be made of."""
    ascii_alone = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ended = tried(folder / "Übung 値" / "data", **ascii_alone)
    assert (ended.returncode, ended.stdout) == (0, "works\n"), ended.stderr


@as_root
def test_without_any_right_to_enter_it_says_which_folder(folder: Path) -> None:
    (folder / "data").mkdir()
    ended = tried(folder / "data", *container(without="dac_override"))
    assert ended.returncode == 1
    assert f"cannot enter {folder}/data" in ended.stderr
    assert "set KPI_DATA_DIR to another folder" in ended.stderr


@as_root
def test_a_user_without_a_name_is_told_what_to_do(folder: Path) -> None:
    folder.chmod(0o777)
    ended = tried(folder / "data", "setpriv", "--reuid=54321", "--clear-groups")
    assert ended.returncode == 1
    assert "the user 54321 is not in /etc/passwd" in ended.stderr
    assert "set KPI_DATABASE_URL" in ended.stderr


@as_root
def test_a_user_without_a_name_keeps_the_data_it_has(folder: Path) -> None:
    """As when a volume comes with the data of the user that an image had."""
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    as_nobody = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}")
    ended = tried(folder / "data", *as_nobody, "--clear-groups")
    assert ended.returncode == 0, ended.stderr
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, 54321, 54321, follow_symlinks=False)
    ended = tried(folder / "data", "setpriv", "--reuid=54321", "--regid=54321", "--clear-groups")
    assert (ended.returncode, ended.stdout) == (0, "works\n"), ended.stderr


@as_root
def test_anothers_data_is_said_to_be_anothers(folder: Path) -> None:
    folder.chmod(0o755)
    assert tried(folder / "data").returncode == 0
    ended = tried(folder / "data", "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    assert ended.returncode == 1
    assert "this user may not write" in ended.stderr
    assert "Set KPI_DATA_DIR to a folder that this user may write" in ended.stderr
    for lock in (folder / "data").glob("*.lock"):
        lock.chmod(0o666)
    ended = tried(folder / "data", "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    assert "belongs to the user kpi_stream, and this is the user nobody" in ended.stderr


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "t", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@with_mounts
def test_a_file_system_that_is_read_only_is_said_to_be(folder: Path) -> None:
    with small_disk(folder, 1) as disk:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        ended = tried(disk / "data")
    assert "is on a file system that is read-only" in ended.stderr
    assert "KPI_DATABASE_URL" in ended.stderr


@with_mounts
@pytest.mark.parametrize("user", ["root", "nobody"])
def test_one_folder_to_write_is_enough(folder: Path, user: str) -> None:
    """As in a container with a system that is read-only, and one volume."""
    folder.chmod(0o755)
    (folder / "disk").mkdir()
    script = """
    mount -t tmpfs -o size=300m,mode=755,uid="$1" tmpfs "$2"
    mount -o remount,bind,ro / && ! touch /tmp/kpi-read-only 2>/dev/null
    shift 2 && exec "$@"
    """
    ended = tried(
        folder / "disk" / "data",
        *("unshare", "--mount", "sh", "-euc", script, "sh"),
        *(str(pwd.getpwnam(user).pw_uid), folder / "disk"),
        *("setpriv", f"--reuid={user}", "--clear-groups"),
    )
    assert (ended.returncode, ended.stdout) == (0, "works\n"), ended.stderr


@with_mounts
def test_no_room_for_a_database_is_said_so(folder: Path) -> None:
    with small_disk(folder, 20) as disk:
        disk.chmod(0o755)
        ended = tried(disk / "data")
    assert ended.returncode == 1
    assert "the disk that holds" in ended.stderr
    assert "is full" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@with_mounts
@pytest.mark.parametrize("megabytes", [60, 110])
def test_no_room_for_the_demos_history_is_said_so(folder: Path, megabytes: int) -> None:
    """PostgreSQL has started, and then the disk is full: of rows, or of its own log."""
    with small_disk(folder, megabytes) as disk:
        disk.chmod(0o755)
        ended = subprocess.run(
            [sys.executable, "-m", "app", "demo"],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "KPI_DATA_DIR": str(disk / "data"),
                "KPI_BIND": f"127.0.0.1:{free_port()}",
            },
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert ended.returncode == 1, ended.stderr
        assert none_left(disk / "data")
    last = ended.stderr.splitlines()[-1]
    assert "disk" in last
    assert "is full" in last
    assert "make room on it" in last


async def answers(url: str) -> bool:
    with suppress(OSError, asyncpg.PostgresError):
        return bool(await run(url, "SELECT 1") == 1)
    return False


async def until_it_answers(url: str) -> None:
    async with asyncio.timeout(40):
        while not await answers(url):  # noqa: ASYNC110 - there is nothing to be told by
            await asyncio.sleep(0.1)


async def until_said(caplog: pytest.LogCaptureFixture, text: str) -> None:
    async with asyncio.timeout(40):
        while text not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@with_mounts
async def test_a_full_disk_is_said_and_room_brings_it_back(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    with small_disk(folder, 160) as disk:
        disk.chmod(0o755)
        async with embedded_postgres(disk / "data") as url:
            await run(url, "CREATE TABLE kept AS SELECT 7 AS number")
            ballast = disk / "ballast"
            with suppress(OSError), ballast.open("wb") as file:
                while True:
                    file.write(bytes(2**20))
            with suppress(asyncpg.PostgresError, OSError, asyncpg.InterfaceError):
                await run(
                    url,
                    "CREATE TABLE big AS SELECT repeat('x', 900) FROM generate_series(1, 200000)",
                )
            for server in servers(disk / "data"):
                with suppress(psutil.NoSuchProcess):
                    server.kill()  # what PostgreSQL does itself where the log has no room
            await until_said(caplog, "is full")
            assert "starts again as soon as there is room" in caplog.text
            ballast.unlink()
            await until_it_answers(url)
            assert await run(url, "SELECT number FROM kept") == 7
        assert none_left(disk / "data")


async def test_a_server_that_was_killed_is_started_again(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with embedded_postgres(folder) as url:
        await run(url, "CREATE TABLE kept AS SELECT 7 AS number")
        for server in servers(folder):
            with suppress(psutil.NoSuchProcess):
                server.kill()
        await until_said(caplog, "runs again")
        assert await run(url, "SELECT number FROM kept") == 7
    assert none_left(folder)


async def test_the_mark_of_a_server_that_cannot_be_seen_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server whose mark is gone ends itself within a minute."""

    def denied(process: psutil.Process) -> str:
        raise psutil.AccessDenied(process.pid)

    async with embedded_postgres(folder) as url:
        mark = folder / "postgres" / "postmaster.pid"
        monkeypatch.setattr(psutil.Process, "cwd", denied)
        cluster = Cluster(folder, find_programs())
        assert await cluster.is_running()
        monkeypatch.setattr(psutil.Process, "name", denied)
        hidden = folder / "postgres" / ".s.PGSQL.5432"
        hidden.rename(hidden.with_suffix(".hidden"))
        await cluster.is_running()
        assert mark.exists()
        hidden.with_suffix(".hidden").rename(hidden)
        assert await run(url, "SELECT 1") == 1


async def test_a_failed_start_says_what_is_new_in_the_log(folder: Path) -> None:
    async with embedded_postgres(folder):
        pass
    log = folder / "postgres" / "log"
    with log.open("a") as file:
        file.write("of a former shutdown\n")
    (folder / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(ConfigurationError) as raised:
        async with embedded_postgres(folder):
            pass
    assert "pg_control" in str(raised.value)
    assert "former shutdown" not in str(raised.value)
    shutil.rmtree(folder / "postgres")
