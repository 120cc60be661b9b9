"""Which user the embedded PostgreSQL runs as, since it refuses to run as root."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError

USER_FOR_ROOT = "kpi_stream"
_USER_WITH_NOTHING = "nobody"
_SECONDS = 20.0

# Bits of a capability set, from linux/capability.h: the one that is enough, the one that
# containers have.
_CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}


@dataclass(frozen=True, slots=True)
class Owner:
    """A user of this system. `prefix` and `identity` make a program run as that user."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()
    identity: dict[str, Any] = field(default_factory=dict)

    def give(self, path: Path) -> None:
        """Let the user own `path`, which this process has made."""
        if self.uid != os.geteuid():
            os.chown(path, self.uid, self.gid)


def find_owner(data_dir: Path, programs: Path) -> Owner:
    """Return who the cluster in `data_dir / "postgres"` belongs to, or will.

    That is this process's user, or for root another one, which is created where there is none.
    Raises ConfigurationError where it could not work; OSError.
    """
    cluster = data_dir / "postgres"
    found = cluster.stat() if cluster.exists() else None
    if os.geteuid() == 0:
        if found is not None and found.st_uid != 0:
            # The names and numbers of users may have changed, as in a new container.
            return _become(found.st_uid, found.st_gid, data_dir, programs)
        user = _user_for_root()
        return _become(user.pw_uid, user.pw_gid, data_dir, programs)
    if found is not None and found.st_uid != os.geteuid():
        raise ConfigurationError(
            f"{cluster} belongs to {_name(found.st_uid)}, and this is {_name(os.geteuid())}: "
            "run kpi-stream as that user, or set KPI_DATA_DIR to a folder of your own"
        )
    if found is None and not _has_name(os.geteuid()):
        raise ConfigurationError(
            f"the user {os.geteuid()} is not in /etc/passwd, which the embedded PostgreSQL needs: "
            "set KPI_DATABASE_URL to a database of your own, or run as a user that is there"
        )
    return Owner(os.geteuid(), os.getegid())


def _user_for_root() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(USER_FOR_ROOT)
    except KeyError:
        pass
    program = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin")
    if program is not None:
        subprocess.run(  # noqa: S603 - fixed words
            [program, "--system", "--user-group", USER_FOR_ROOT],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    try:
        return pwd.getpwnam(USER_FOR_ROOT)
    except KeyError:  # no such program, or a system that is read-only
        return pwd.getpwnam(_USER_WITH_NOTHING)


def _become(uid: int, gid: int, data_dir: Path, programs: Path) -> Owner:
    """Return what makes root's programs run as `uid`.

    In root's home that user cannot get at a file. Then the programs get one capability of root's.
    PostgreSQL asks by access(2), which heeds it only with the secure bit no_setuid_fixup.
    """
    owner = Owner(uid, gid, identity={"user": uid, "group": gid, "extra_groups": []})
    unreachable = next(
        (path for path in (programs / "postgres", data_dir) if not _may_enter(owner, path)), None
    )
    if unreachable is None:
        return owner
    for capability in _held_capabilities():
        prefix = (
            "setpriv",
            f"--reuid={uid}",
            f"--regid={gid}",
            "--clear-groups",
            f"--inh-caps=+{capability}",
            f"--ambient-caps=+{capability}",
            "--securebits=+no_setuid_fixup",
        )
        capable = Owner(uid, gid, prefix)
        if _may_enter(capable, unreachable):
            return capable
    advice = (
        "set KPI_DATA_DIR to another folder, such as /var/lib/kpi-stream"
        if unreachable == data_dir
        else "install kpi-stream in another folder, such as /opt/kpi-stream"
    )
    raise ConfigurationError(
        f"PostgreSQL does not run as root but as {_name(uid)}, who cannot enter {unreachable}: "
        f"{advice}, or run kpi-stream as another user than root"
    )


def _may_enter(owner: Owner, path: Path) -> bool:
    try:
        ended = subprocess.run(  # noqa: S603 - fixed words and a path of ours
            [*owner.prefix, "test", "-x", path],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            cwd="/",
            **owner.identity,
        )
    except PermissionError:
        raise ConfigurationError(
            "root may not become another user here, and PostgreSQL refuses to run as root: "
            "set KPI_DATABASE_URL to a database of your own, or run kpi-stream as another user"
        ) from None
    except FileNotFoundError:  # no setpriv
        return False
    return ended.returncode == 0


def _held_capabilities() -> Iterator[str]:
    """Yield those of _CAPABILITIES that this process may hand on; none but on Linux."""
    try:
        text = Path("/proc/self/status").read_text(errors="replace")
    except OSError:
        return
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    held = int(fields["CapEff"], 16) & int(fields["CapBnd"], 16)
    yield from (name for name, bit in _CAPABILITIES.items() if held & 1 << bit)


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _name(uid: int) -> str:
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the user {uid}"


def is_private(path: Path) -> bool:
    """Whether `path` is a folder, no link to one, that nobody else may enter."""
    found = path.lstat()
    return stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
