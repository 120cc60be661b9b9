"""Servers under measurement: started on the server's core, stopped by their own id."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import machine

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
STOP_SECONDS = 15.0


@dataclass(frozen=True)
class Server:
    """A server that accepts connections on a port of this machine."""

    port: int
    process: subprocess.Popen[bytes]

    def cpu_seconds(self) -> float:
        return machine.cpu_seconds(machine.tree(self.process.pid))

    def memory_bytes(self) -> int:
        return machine.memory_bytes(machine.tree(self.process.pid))


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str], port: int, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run a server; raises RuntimeError with what it wrote where it does not start."""
    # In a folder of its own, where no .env is.
    with tempfile.TemporaryDirectory(prefix="kpi-bench-") as folder:
        errors = Path(folder) / "stderr"
        with errors.open("wb") as log, machine.on_core(machine.SERVER_CORE):
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        try:
            _wait_until_it_listens(process, port, errors)
            yield Server(port, process)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_SECONDS)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, errors: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"it does not start: {errors.read_text(errors='replace')[-500:]}")
