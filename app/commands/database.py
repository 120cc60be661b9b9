"""`kpi-stream db`: to set up or examine the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from ..data.check.check import check
from ..data.check.findings import Finding, Severity
from ..data.database import Database
from ..data.rollups import Rollups
from ..settings import Settings
from .running import create_schema, run, say

TELL_SECONDS = 10.0


@click.group()
def db() -> None:
    """Set up or examine the database."""


@db.command("init")
def db_init() -> None:
    """Create tables, aggregates and views; safe to run again."""

    async def work(settings: Settings) -> None:
        say("Setting up; rows that are there already are looked at once, a million in seconds.")
        async with _still("setting up"):
            done = await create_schema(settings)
        async with Database(settings) as database:
            await _add_up(database)
        say(done)

    run(work)


async def _add_up(database: Database) -> None:
    """Add up the rows that are there, so that whoever serves them need not do it first."""
    loop = asyncio.get_running_loop()
    told_at = loop.time()

    def tell(share: float) -> None:
        nonlocal told_at
        if loop.time() - told_at >= TELL_SECONDS:
            told_at = loop.time()
            say(f"Adding up the rows that are there: {share:.0%} …")

    await Rollups(database).refresh(tell)


@asynccontextmanager
async def _still(work: str) -> AsyncIterator[None]:
    """Say now and then that something goes on that nobody knows the end of."""

    async def tell() -> None:
        seconds = 0.0
        while True:
            await asyncio.sleep(TELL_SECONDS)
            seconds += TELL_SECONDS
            say(f"Still {work}, for {seconds:.0f} s …")

    task = asyncio.create_task(tell())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@db.command("check")
def db_check() -> None:
    """Say in plain words what is wrong or unsafe with the database, and how to mend it.

    The exit status is 1 where something gives wrong numbers, or none.
    """
    findings: list[Finding] = []

    async def work(settings: Settings) -> None:
        async with Database(settings) as database:
            findings.extend(await check(database, settings))

    run(work)
    for finding in findings:
        click.echo(f"{finding.severity:8} {finding.sentence}")
        if finding.sql:
            click.echo("".join(f"         {line}\n" for line in finding.sql.splitlines()))
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise SystemExit(1)
