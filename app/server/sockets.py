"""The socket that a process listens on, and how many files it may open."""

from __future__ import annotations

import errno
import os
import resource
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..bind import Bind
from ..errors import ConfigurationError

BACKLOG = 4096
"""Connections that the kernel keeps until they are accepted; Linux has no more by default."""

_MACOS_OPEN_MAX = 10_240
"""What macOS allows where its limit says "infinity" (setrlimit(2))."""


@contextmanager
def listening(
    bind: Bind,
    *,
    send_timeout_seconds: float,
    shared: bool = False,
    setting: str = "KPI_BIND",
) -> Iterator[tuple[socket.socket, Bind]]:
    """Bind a socket while the context lasts; yield it and where it is, its port included.

    With `shared` other processes may bind the same port. `setting` says where the address is from.
    Raises ConfigurationError.
    """
    try:
        sock = _bound(bind, shared=shared)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(f"{setting}: cannot listen on {bind}: {reason}") from error
    if sock.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
        # A peer that says nothing any more, not even that its window is shut or open.
        milliseconds = int(send_timeout_seconds * 1000)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    if bind.port == 0 and bind.path is None and bind.descriptor is None:
        bind = Bind(bind.host, sock.getsockname()[1])
    with sock, _unlinked_in_the_end(bind):
        yield sock, bind


def _bound(bind: Bind, *, shared: bool) -> socket.socket:
    if bind.descriptor is not None:
        sock = socket.socket(fileno=os.dup(bind.descriptor))
    elif bind.path is not None:
        sock = socket.socket(socket.AF_UNIX)
    else:
        found = socket.getaddrinfo(bind.host, bind.port, type=socket.SOCK_STREAM)
        # IPv4 first: `localhost` is both, and most clients try 127.0.0.1.
        family, *_, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        sock = socket.socket(family)
    try:
        sock.setblocking(False)
        if bind.path is not None:
            _remove_stale(Path(bind.path))
            sock.bind(bind.path)
        elif bind.descriptor is None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if shared:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _remove_stale(path: Path) -> None:
    """Remove the Unix socket of a server that is gone; raises OSError where one answers."""
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise OSError(errno.EEXIST, "there is a file that is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


@contextmanager
def _unlinked_in_the_end(bind: Bind) -> Iterator[None]:
    if bind.path is None:
        yield
        return
    path, process = Path(bind.path), os.getpid()
    own = path.stat().st_ino
    try:
        yield
    finally:
        # Not a forked worker's to remove, nor where another server has taken the path over.
        with suppress(OSError):
            if os.getpid() == process and path.stat().st_ino == own:
                path.unlink()


def raise_file_limit() -> int:
    """Allow as many open files, and so connections, as the system lets us; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, _MACOS_OPEN_MAX):
        if soft in (hard, resource.RLIM_INFINITY):
            break
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
            break
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft
