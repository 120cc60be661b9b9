"""`kpi-stream db`: to set up or examine the database."""

from __future__ import annotations

import click

from ..data.check.check import check
from ..data.check.findings import Finding, Severity
from ..data.database import Database
from ..settings import Settings
from .running import create_schema, run, say


@click.group()
def db() -> None:
    """Set up or examine the database."""


@db.command("init")
def db_init() -> None:
    """Create tables, aggregates and views; safe to run again."""

    async def work(settings: Settings) -> None:
        say("Setting up; rows that are there already are looked at once, a million in seconds.")
        say(await create_schema(settings))

    run(work)


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
