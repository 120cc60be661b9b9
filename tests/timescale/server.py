"""A TimescaleDB for the tests: the WASM build, or the server that KPI_TEST_TIMESCALE_URL names."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

HERE = Path(__file__).resolve().parent
EMPTY = (HERE / "empty.sql").read_text(encoding="utf-8")
INSTALL_SECONDS = 120


class TimescaleServer(Protocol):
    """Gives each test a database with the extension and nothing else in it."""

    def fresh_database(self) -> AbstractAsyncContextManager[str]:
        """Yield the URL of an empty database."""


class RealServer:
    """Makes a database for each test, and drops it."""

    def __init__(self, url: str) -> None:
        self._url = url

    @asynccontextmanager
    async def fresh_database(self) -> AsyncIterator[str]:
        name = f"kpi_test_{uuid4().hex}"
        url = urlsplit(self._url)._replace(path=f"/{name}").geturl()
        await self._run(self._url, f"CREATE DATABASE {name}")
        try:
            await self._run(url, "CREATE EXTENSION IF NOT EXISTS timescaledb")
            # A test says when a job runs, or it could not tell what late rows look like before.
            await self._run(url, "SELECT _timescaledb_functions.stop_background_workers()")
            yield url
        finally:
            await self._run(self._url, f"DROP DATABASE {name} WITH (FORCE)")

    async def _run(self, url: str, statement: str) -> None:
        connection = await asyncpg.connect(url, timeout=20)
        try:
            await connection.execute(statement)
        finally:
            await connection.close(timeout=20)


class WasmServer:
    """One process with one database, emptied before each test; see server.mjs for its quirks."""

    def __init__(self) -> None:
        install()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            ["node", "server.mjs"],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        assert self._process.stdout is not None
        port = self._process.stdout.readline().decode().strip()
        assert port, f"TimescaleDB in WASM did not start: {self._said()}"
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        return self._process

    @asynccontextmanager
    async def fresh_database(self) -> AsyncIterator[str]:
        if self._process.poll() is not None:
            self._end()
            self._start()
        connection = await asyncpg.connect(self.url, timeout=20)
        try:
            await connection.execute(EMPTY, timeout=20)
        finally:
            await connection.close(timeout=20)
        yield self.url
        assert self._process.poll() is None, f"TimescaleDB in WASM is gone: {self._said()}"

    def close(self) -> None:
        """End the process, which ends when its standard input does."""
        self._end()
        self._errors.close()

    def _end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process.stdout.close()

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-4000:]


def install() -> None:
    """Fetch the WASM build from npm, unless what the lock file names is there already."""
    with (HERE / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted, done = HERE / "package-lock.json", HERE / "node_modules" / ".installed"
        if done.exists() and done.read_bytes() == wanted.read_bytes():
            return
        subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=HERE,
            check=True,
            timeout=INSTALL_SECONDS,
        )
        done.write_bytes(wanted.read_bytes())


@contextmanager
def timescale_server() -> Iterator[TimescaleServer]:
    """Start the WASM build, or use the real server; once for a whole run of tests."""
    url = os.environ.get("KPI_TEST_TIMESCALE_URL")
    if url:
        yield RealServer(url)
        return
    server = WasmServer()
    try:
        yield server
    finally:
        server.close()
