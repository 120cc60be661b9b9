"""Writes docs/benchmarks.md, its pictures, and what the README says of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tests.benchmarks.fanout import FanOut
from tests.benchmarks.plot import draw
from tests.benchmarks.processes import ROOT
from tests.benchmarks.report import Report

TEXT = """# Benchmarks

Written by `make bench` on {day}, on {machine}.

<picture>
  <source media="(prefers-color-scheme: dark)" srcset="images/benchmark-dark.png">
  <img alt="Fan-out, CPU and memory beside the peers" src="images/benchmark-light.png">
</picture>

How it is measured:

- Whole processes over loopback. A server runs on one core (kpi-stream with its PostgreSQL), the
  load generator, bare sockets and epoll, on the other; its own CPU is in the tables.
- All servers of a table are up together and take turns; figures are medians of at least five turns
  after one to warm up.
- kpi-stream is `kpi-stream serve`: a late row is written to its database, and it finds the
  correction and sends it. The peers are told to publish the same number of bytes by a POST.
- p50, p99 and max of a fan-out count from when the first listener has the event, "publish → p99"
  from the POST. Nobody posts to kpi-stream: how much later than a lone listener the first of as
  many has an event is measured apart, by pings, which say when they were made, and added.
- CPU is without what the server uses anyway while nothing is sent; "-" where that was the most.
- Memory is what the processes of a server hold more (PSS) for a stream; the kernel's buffers are
  not in it.
- The peers are in `tests/benchmarks/peers`, each as its documentation does it: uvicorn with its
  defaults as installed here (h11, asyncio), pings off.

{tables}"""
START, END = "<!-- bench -->", "<!-- /bench -->"


def write(report: Report, largest: Sequence[FanOut], at: datetime) -> list[Path]:
    """Write the document and the pictures; return where."""
    document = ROOT / "docs" / "benchmarks.md"
    text = TEXT.format(
        day=at.strftime("%Y-%m-%d"), machine=report.machine, tables=report.markdown()
    )
    document.write_text(text, encoding="utf-8")
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    said = f"{before}{START}\n{report.promised().table()}\n{END}{after}"
    readme.write_text(said, encoding="utf-8")
    return [document, readme, *draw(largest, ROOT / "docs" / "images")]
