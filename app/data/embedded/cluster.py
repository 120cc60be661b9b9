"""The PostgreSQL cluster in one folder: made, started, found and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

import psutil

from ...errors import ConfigurationError
from .owner import Owner, find_owner, is_private
from .programs import ProgramError, in_thread, run_program
from .room import explain_full_disk

PORT = 5432
"""Names the socket; nothing listens on a network."""

START_SECONDS = 60
"""Replaying what a killed server left behind takes its time."""

STOP_SECONDS = 2
"""Then the stop is an immediate one: the next start replays the log, and nothing is lost."""

_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]{1,80}")
_CONNECT_SECONDS = 1.0

# Not by way of the configuration file, so that folders made by older releases get them too.
_OPTIONS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "max_wal_size": "2GB",
    "autovacuum_naptime": "20s",
}


@dataclass(frozen=True, slots=True)
class _Postmaster:
    """What postmaster.pid says of a server that runs on the folder."""

    socket_dir: Path
    status: str


class Cluster:
    """The PostgreSQL cluster in `data_dir / "postgres"`; whoever calls holds the turn.

    PostgreSQL refuses to run as root; for root it runs as another user.
    """

    def __init__(self, data_dir: Path, programs: Path) -> None:
        self.folder = data_dir / "postgres"
        self._data_dir = data_dir
        self._programs = programs
        self._owner: Owner | None = None

    async def initialise(self) -> None:
        """Make the cluster unless it is there; raises ConfigurationError, OSError."""
        owner = self._owner = await in_thread(find_owner, self._data_dir, self._programs)
        version = self.folder / "PG_VERSION"
        if await in_thread(version.exists):
            await self._require_version(version)
            return
        # Renamed when it is whole: being killed half-way leaves nothing that looks like a cluster.
        new = self.folder.with_name("postgres.new")
        await in_thread(_make_empty, new, owner)
        with explain_full_disk(self._data_dir, ConfigurationError, OSError):
            await self._run(
                "initdb",
                f"--pgdata={new}",
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                seconds=START_SECONDS,
            )
        await in_thread(new.rename, self.folder)

    async def start(self) -> Path:
        """Start the server, or find it running, and return the folder of its socket.

        Raises ConfigurationError with what the server says.
        """
        async with asyncio.timeout(START_SECONDS):
            while (running := await in_thread(self._find)) is not None:
                if running.status == "ready":
                    return running.socket_dir
                await asyncio.sleep(0.02)
        socket_dir = await in_thread(self._socket_dir)
        # The mark of whoever was killed; nothing runs here, and the folder is nobody else's.
        await in_thread((socket_dir / f".s.PGSQL.{PORT}.lock").unlink, missing_ok=True)
        options = _OPTIONS | {
            "unix_socket_directories": "." if socket_dir == self.folder else str(socket_dir)
        }
        log = self.folder / "log"
        logged = await in_thread(_size, log)
        try:
            with explain_full_disk(self.folder, ConfigurationError, OSError):
                await self._run(
                    "pg_ctl",
                    "start",
                    "--wait",
                    f"--timeout={START_SECONDS}",
                    f"--pgdata={self.folder}",
                    f"--log={log}",
                    f"--options={' '.join(f'-c {name}={by}' for name, by in options.items())}",
                    seconds=START_SECONDS + 5,
                )
        except ProgramError as error:
            raise ConfigurationError(
                f"{error}{await in_thread(_said_since, log, logged)}"
            ) from None
        return socket_dir

    async def is_running(self) -> bool:
        """Whether the server is there, if only to start or to end."""
        return await in_thread(self._find) is not None

    async def stop(self) -> None:
        """Stop the server if it runs."""
        await self._end()
        await in_thread(self._remove_socket_dir)

    async def _end(self) -> None:
        for mode, seconds in (("fast", STOP_SECONDS), ("immediate", START_SECONDS)):
            if await in_thread(self._find) is None:
                return
            try:
                await self._run(
                    "pg_ctl",
                    "stop",
                    f"--mode={mode}",
                    f"--timeout={seconds}",
                    f"--pgdata={self.folder}",
                    seconds=seconds + 5,
                )
            except ProgramError:
                if mode == "immediate":
                    raise

    async def _run(self, program: str, *arguments: str, seconds: float) -> str:
        if self._owner is None:
            self._owner = await in_thread(find_owner, self._data_dir, self._programs)
        return await run_program(self._owner, self._programs / program, *arguments, seconds=seconds)

    async def _require_version(self, version: Path) -> None:
        found = (await in_thread(version.read_text)).strip()
        said = await self._run("postgres", "--version", seconds=START_SECONDS)
        match = re.search(r"\d+", said)
        if match is not None and found != match[0]:
            raise ConfigurationError(
                f"{self.folder} was made by PostgreSQL {found}, this is PostgreSQL {match[0]}: "
                "dump it with the former, or set KPI_DATA_DIR to an empty folder"
            )

    def _find(self) -> _Postmaster | None:
        """Return what runs on the folder; clear away the mark of a server that does not."""
        mark = self.folder / "postmaster.pid"
        try:
            lines = os.fsdecode(mark.read_bytes()).splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        socket_dir = self.folder / lines[4] if len(lines) >= 8 else self.folder
        status = lines[7].strip() if len(lines) >= 8 else "starting"
        if _answers(socket_dir) or self._is_server(pid):
            return _Postmaster(socket_dir, status)
        return None

    def _is_server(self, pid: int) -> bool:
        """Whether the process is this folder's server; its mark goes where it surely is not.

        Another process may have got the dead server's id, or nobody has taken note of its end, as
        happens in containers: PostgreSQL would refuse to start. It looks for survivors through
        shared memory as well. Where it cannot be known the mark stays: a server whose mark is gone
        ends itself.
        """
        try:
            process = psutil.Process(pid)
            try:
                is_ours = Path(process.cwd()) == self.folder.resolve()
            except psutil.AccessDenied:  # another user's, as the server is to root in a container
                is_ours = process.name() == "postgres" and str(self.folder) in process.cmdline()
        except psutil.ZombieProcess:
            is_ours = False
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return False
        if not is_ours:
            (self.folder / "postmaster.pid").unlink(missing_ok=True)
        return is_ours

    def _short_dir(self) -> Path:
        identity = os.fsencode(f"{self.folder}:{self.folder.stat().st_ino}")
        name = hashlib.sha256(identity).hexdigest()[:16]
        return Path(f"/tmp/kpi-stream-{name}")  # noqa: S108 - its owner is checked

    def _remove_socket_dir(self) -> None:
        if self.folder.exists() and not _PLAIN_PATH.fullmatch(str(self.folder)):
            shutil.rmtree(self._short_dir(), ignore_errors=True)

    def _socket_dir(self) -> Path:
        """Return the cluster's own folder, or a short one where that name can't be a socket's."""
        if _PLAIN_PATH.fullmatch(str(self.folder)):
            return self.folder
        folder = self._short_dir()
        folder.mkdir(mode=stat.S_IRWXU, exist_ok=True)
        if not is_private(folder):
            raise ConfigurationError(f"{folder} should be a folder of our own, and is not")
        if self._owner is not None:
            self._owner.give(folder)
            if folder.lstat().st_uid != self._owner.uid:
                raise ConfigurationError(f"{folder} belongs to somebody else")
        return folder


def _make_empty(folder: Path, owner: Owner) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=stat.S_IRWXU)
    owner.give(folder)


def _answers(socket_dir: Path) -> bool:
    """Whether a server takes connections there; it may be another container's on this folder."""
    with socket.socket(socket.AF_UNIX) as sock, contextlib.suppress(OSError):
        sock.settimeout(_CONNECT_SECONDS)
        sock.connect(str(socket_dir / f".s.PGSQL.{PORT}"))
        return True
    return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _said_since(log: Path, size: int) -> str:
    """Return the last lines that the server's own log got after it had `size` bytes."""
    try:
        with log.open("rb") as file:
            file.seek(size)
            lines = file.read().decode(errors="replace").splitlines()[-5:]
    except OSError:
        return ""
    return "".join(f"\n{line}" for line in lines)
