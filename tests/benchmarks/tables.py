"""From results to tables and promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.benchmarks import accepts, snapshots
from tests.benchmarks.accepts import Rate
from tests.benchmarks.contenders import LIMIT, NCHAN, OURS, QUART
from tests.benchmarks.database import Load
from tests.benchmarks.fanout import FanOut
from tests.benchmarks.figures import median
from tests.benchmarks.freshness import Freshness
from tests.benchmarks.report import Promise, Report, Table
from tests.benchmarks.streams import Pings, Stalled
from tests.benchmarks.ticks import Case

TICK_SECONDS = 0.250
PIECE_SECONDS = 0.020
LATENESS_SECONDS = 0.150


def ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e3:.1f}"


def fan_out(report: Report, results: Sequence[FanOut], missing: Mapping[str, str]) -> None:
    by_name = {result.name: result for result in results}
    ours, some = by_name[OURS], results[0]
    rows = [
        [
            result.name,
            ms(result.p50()),
            ms(result.p99()),
            ms(result.last()),
            ms(result.published_to_p99()),
            f"{result.published_to_p99() / by_name[LIMIT].published_to_p99():.2f}",
            "-" if (cpu := result.cpu_per_delivery()) is None else f"{cpu * 1e6:.1f}",
            f"{result.memory_bytes / 1024:.1f}",
            f"{result.bytes_per_delivery():.0f}",
            f"{result.own_cpu_per_delivery() * 1e6:.1f}",
        ]
        for result in results
    ]
    rows += [[name, "missing", *[""] * 8] for name in missing]
    title = f"One event to {some.listeners:,} listeners"
    if some.channels > 1:
        title = (
            f"An event on each of {some.channels} channels, "
            f"{some.listeners // some.channels:,} listeners each"
        )
    head = (
        "server", "p50 ms", "p99 ms", "max ms", "publish → p99 ms", "÷ limit",
        "CPU µs/delivery", "KB/stream", "bytes", "generator µs",
    )  # fmt: skip
    note = "\n".join(f"- {name} is missing: {why}." for name, why in missing.items())
    report.tables.append(Table(title, head, rows, note))
    if some.listeners < 10_000 or some.channels > 1:
        return
    work = "fan-out p99 to 10,000 against "
    for name, bound, other in (
        ("the bare protocol", 1.15, LIMIT),
        ("nginx + nchan", 0.95, NCHAN),
        ("plain Quart + Hypercorn", 0.35, QUART),
    ):
        if other in by_name:
            ratio = ours.published_to_p99() / by_name[other].published_to_p99()
            report.at_most(work + name, bound, ratio)
    report.at_most("memory of an idle stream", 4.0, ours.memory_bytes / 1024, "{:.1f} KB")


def pings(report: Report, result: Pings) -> None:
    row = [
        "kpi-stream",
        f"{result.listeners:,}",
        f"{result.fresh_bytes / 1024:.1f}",
        f"{result.pings:.0f}",
        f"{result.after_bytes / 1024:.1f}",
    ]
    head = ("server", "streams", "KB/stream fresh", "pings each", "KB/stream then")
    report.tables.append(Table("Memory after an hour's pings", head, [row]))
    after = result.after_bytes / 1024
    report.at_most("the same after an hour's pings", 4.0, after, "{:.1f} KB")


def _rates(rates: Sequence[Rate], beside: str) -> list[list[str]]:
    base = next(median(rate.a_cpu_second) for rate in rates if rate.name == beside)
    return [
        [
            rate.name,
            f"{median(rate.a_second):,.0f}",
            f"{median(rate.a_cpu_second):,.0f}",
            f"{median(rate.a_cpu_second) / base:.2f}",
            ms(median(rate.p99)) if rate.p99 else "-",
            f"{median(rate.own_share):.0%}",
        ]
        for rate in rates
    ]


# Sampled with py-spy while streams were opened as fast as they could be.
ACCEPT_NOTE = """
Streams of kpi-stream come with their snapshot of 60 buckets, those of the others with a `retry:`
alone. The token is a JWT in the `Authorization` header; it is verified once a minute. Of the CPU of
a stream that is opened a third is Quart's and Werkzeug's, a third the event loop's with the system
calls, and a third this project's, the reading of its head and the hand-over included. nchan does
the same in C without a framework. A "hello" on a connection of its own costs more than a
stream: Hypercorn's TCP server and Quart make five tasks for it, where a stream here has two.
""".strip()


def accept_rates(report: Report, rates: Sequence[Rate]) -> None:
    # A second of the server's core: what else the machine does meanwhile is left out.
    rate = {found.name: median(found.a_cpu_second) for found in rates}
    head = ("what", "a second", "a core's second", "÷ hello", "p99 ms", "generator CPU")
    rows = _rates(rates, accepts.HELLO_KEPT)
    title = "Opening streams, beside plain requests"
    report.tables.append(Table(title, head, rows, ACCEPT_NOTE))
    hello, single = rate[accepts.HELLO_KEPT], rate[accepts.HELLO]
    report.at_least("streams opened against a Quart hello", 0.70, rate[OURS] / hello)
    report.at_least("the same, a connection for each hello", 0.70, rate[OURS] / single)
    authorised = rate[accepts.AUTHORISED]
    report.at_least("opened with a token against a Quart hello", 0.70, authorised / hello)


def snapshot_rates(report: Report, rates: Sequence[Rate]) -> None:
    # A second of the server's core: what else the machine does meanwhile is left out.
    rate = {found.name: median(found.a_cpu_second) for found in rates}
    head = ("what", "a second", "a core's second", "÷ hello", "p99 ms", "generator CPU")
    rows = _rates(rates, snapshots.HELLO)
    report.tables.append(Table("Requests on 64 kept connections", head, rows))
    share = rate[snapshots.MEMORY] / rate[snapshots.HELLO]
    report.at_least("snapshots from memory against a Quart hello", 0.85, share)


def database_load(report: Report, loads: Sequence[Load]) -> None:
    rows = [
        [
            f"{load.listeners:,} listeners, {load.kpis:,} KPIs",
            str(load.ticks),
            str(load.compares),
            str(load.calls),
            f"{load.cpu_seconds * 1e3:.0f}",
        ]
        for load in loads
    ]
    head = ("gateway", "reads of new buckets", "looks for corrections", "all statements", "CPU ms")
    note = "The other statements keep the rollups clean, whoever listens."
    report.tables.append(Table("The database in a minute, at one period", head, rows, note))
    most = max(load.ticks for load in loads)
    report.at_most("queries per period and tick", 1, most, "{:.0f}")


def ticks(report: Report, cases: Sequence[Case]) -> None:
    head = (
        "KPIs, minutes behind each", "rows", "tick ms", "loop ms", "longest piece ms",
        "corrections ms", "loop ms", "longest piece ms",
    )  # fmt: skip
    rows = [
        [
            f"{case.kpis:,}, {case.minutes:,}",
            f"{case.rows:,}",
            ms(case.tick.wall),
            ms(case.tick.loop),
            ms(case.tick.longest),
            ms(case.compare.wall),
            ms(case.compare.loop),
            ms(case.compare.longest),
        ]
        for case in cases
    ]
    note = (
        "Each tick brings a new value of every KPI; nothing is found to correct. Loop and pieces "
        "are CPU time, the first figure is what a clock on the wall says."
    )
    report.tables.append(Table("One tick of all KPIs at one period", head, rows, note))
    large = [case for case in cases if case.kpis >= 10_000]
    if large:
        loop = max(case.tick.loop for case in large) * 1e3
        piece = max(max(case.tick.longest, case.compare.longest) for case in large) * 1e3
        work = "event loop time of a tick of 10,000 KPIs"
        report.at_most(work, TICK_SECONDS * 1e3, loop, "{:.0f} ms")
        report.at_most("its longest piece", PIECE_SECONDS * 1e3, piece, "{:.1f} ms")


def freshness(report: Report, result: Freshness) -> None:
    head = ("listeners", "minutes", "grace ms", "p50 ms", "p99 ms", "max ms")
    row = [
        f"{result.listeners:,}",
        str(result.minutes),
        ms(result.grace_seconds),
        ms(result.p50),
        ms(result.p99),
        ms(result.last),
    ]
    report.tables.append(Table("From the end of a minute to its listeners", head, [row]))
    late = (result.p99 - result.grace_seconds) * 1e3
    work = "freshness p99 after the grace"
    report.at_most(work, LATENESS_SECONDS * 1e3, late, "{:.0f} ms")


def stalled(report: Report, result: Stalled) -> None:
    head = ("listeners", "stalled", "others' p99 ms before", "while", "memory grew MB")
    row = [
        f"{result.listeners:,}",
        f"{result.stalled:,}",
        ms(result.p99_before),
        ms(result.p99_while),
        f"{result.grown_bytes / 2**20:.1f}",
    ]
    report.tables.append(Table("Listeners that take nothing", head, [row]))
    more = result.p99_while / result.p99_before - 1
    figure = f"{more:+.0%}, {result.grown_bytes / 2**20:.0f} MB"
    work = f"others' p99 with {result.stalled:,} stalled among {result.listeners:,}"
    report.promises.append(Promise(work, "< +10 %, bounded", figure, more < 0.10))
