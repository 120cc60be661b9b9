"""Imports: each row once whatever happens in between, bad lines named, memory flat, and fast."""

from __future__ import annotations

import asyncio
import csv
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.data.database import Database
from app.data.importing.importer import BATCH_LINES, Importer
from app.data.importing.rejects import RejectFile
from app.errors import InvalidParameterError
from app.settings import Settings
from tests.backends import both_backends, settle

BEGIN = datetime(2025, 3, 28, tzinfo=UTC)
CODES = ("orders", "returns", "a.b-c_9")


def lines(count: int, first: int = 0) -> list[str]:
    """Return `count` good lines, three KPIs every ten seconds."""
    return [
        f"{BEGIN + timedelta(seconds=10 * (number // 3)):%Y-%m-%dT%H:%M:%SZ},"
        f"{CODES[number % 3]},{number * 0.37:.3f}"
        for number in range(first, first + count)
    ]


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


async def raw_rows(database: Database) -> list[str]:
    """Return the raw rows as lines, in the order of `lines`."""
    async with database.connection() as connection:
        rows = await connection.fetch('SELECT "timestamp", kpi_code, value FROM kpi_raw_data')
    return sorted(
        f"{row['timestamp']:%Y-%m-%dT%H:%M:%SZ},{row['kpi_code']},{row['value']:.3f}"
        for row in rows
    )


def rejected(path: Path) -> list[tuple[int, str, str]]:
    """Return what the reject file holds; nothing where there is none."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [(int(row["line"]), row["reason"], row["text"]) for row in csv.DictReader(file)]


@pytest.fixture
def rejects(tmp_path: Path) -> Path:
    return tmp_path / "rejected.csv"


@pytest.fixture
def importer(database: Database, settings: Settings, rejects: Path) -> Importer:
    return Importer(database, settings, RejectFile(rejects, asked_for=True))


async def test_a_file_is_loaded_once(
    importer: Importer, database: Database, tmp_path: Path, rejects: Path
) -> None:
    rows = lines(1000)
    path = write(tmp_path / "a.csv", ["timestamp,kpi_code,value", *rows])
    done = await importer.load_file(path)
    assert (done.loaded, done.rejected, done.line) == (1000, 0, 1001)
    assert done.position == done.size == path.stat().st_size
    assert await raw_rows(database) == sorted(rows)
    assert rejected(rejects) == []
    assert (await importer.load_file(path)).loaded == 1000
    assert await raw_rows(database) == sorted(rows)


async def test_again_loads_it_anew(importer: Importer, database: Database, tmp_path: Path) -> None:
    rows = lines(10)
    path = write(tmp_path / "a.csv", rows)
    await importer.load_file(path)
    assert (await importer.load_file(path, again=True)).loaded == 10
    assert await raw_rows(database) == sorted(rows * 2)


async def test_a_file_that_grew_goes_on_and_another_file_begins(
    importer: Importer, database: Database, tmp_path: Path
) -> None:
    rows = lines(500)
    path = write(tmp_path / "a.csv", rows[:100])
    await importer.load_file(path)
    write(path, rows[:200])
    await importer.load_file(path)
    assert await raw_rows(database) == sorted(rows[:200])
    # As long as what was loaded, but something else.
    write(path, rows[200:])
    await importer.load_file(path)
    assert await raw_rows(database) == sorted(rows)


async def test_bad_lines_go_to_the_reject_file(
    importer: Importer, database: Database, tmp_path: Path, rejects: Path
) -> None:
    good = lines(6)
    written = [
        good[0],
        "2025-03-28T00:00:00,orders,1",
        good[1],
        "",
        f"{BEGIN:%Y-%m-%dT%H:%M:%SZ},two words,1",
        good[2],
        f"{BEGIN:%Y-%m-%dT%H:%M:%SZ},orders,NaN",
        "größer,als,ASCII",
        *good[3:],
    ]
    done = await importer.load_file(write(tmp_path / "a.csv", written))
    assert (done.loaded, done.rejected, done.line) == (6, 4, 11)
    assert await raw_rows(database) == sorted(good)
    found = rejected(rejects)
    assert [number for number, _, _ in found] == [2, 5, 7, 8]
    assert [text for _, _, text in found] == [written[1], written[4], written[6], written[7]]
    assert "no offset" in found[0][1]


async def test_stop_at_the_first_bad_line_then_mend_it_and_go_on(
    database: Database, settings: Settings, tmp_path: Path, rejects: Path
) -> None:
    importer = Importer(database, settings, RejectFile(rejects, asked_for=True), stop_at_first=True)
    good = lines(50)
    path = write(tmp_path / "a.csv", [*good[:20], "oops", *good[21:]])
    with pytest.raises(InvalidParameterError, match=r"^line 21: 1 field "):
        await importer.load_file(path)
    assert await raw_rows(database) == sorted(good[:20])
    write(path, good)
    assert (await importer.load_file(path)).line == 50
    assert await raw_rows(database) == sorted(good)
    assert rejected(rejects) == []


@both_backends
async def test_the_aggregates_are_refreshed(
    importer: Importer, database: Database, settings: Settings, tmp_path: Path, backend: str
) -> None:
    async with database.connection() as connection:
        # On TimescaleDB what comes later than this is old, and shows after a refresh alone.
        await connection.execute(
            "INSERT INTO kpi_raw_data VALUES (now() - '1 day'::interval, 'a', 1)"
        )
    await settle(database, settings)
    await importer.load_file(write(tmp_path / "a.csv", lines(20_000)))
    async with database.connection() as connection:
        for period in ("minute", "hour", "day"):
            differing = await connection.fetchval(
                f"""
                SELECT count(*) FROM (
                    SELECT date_trunc('{period}', "timestamp", 'UTC') AS bucket, kpi_code,
                        count(*) AS n, sum(value::text::numeric) AS s, min(value), max(value)
                    FROM kpi_raw_data GROUP BY 1, 2
                    EXCEPT
                    SELECT bucket, kpi_code, data_points, sum_value, min_value, max_value
                    FROM kpi_values_{period}
                ) AS d
                """
            )
            assert differing == 0
        if backend == "postgres":
            assert await connection.fetchval("SELECT count(*) FROM kpi_dirty") == 0
            loaded = "SELECT sum(data_points) FROM kpi_rollup_day WHERE kpi_code <> 'a'"
            assert await connection.fetchval(loaded) == 20_000


async def test_a_stream_is_loaded_whole(
    importer: Importer, database: Database, rejects: Path
) -> None:
    rows = lines(BATCH_LINES + 10)
    reader, writer = os.pipe()
    text = "".join(f"{row}\n" for row in [*rows, "bad"]).encode()

    def feed() -> None:
        with os.fdopen(writer, "wb") as file:
            file.write(text)

    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(feed))
        done = await importer.load_stream(reader)
    os.close(reader)
    assert (done.loaded, done.rejected) == (len(rows), 1)
    assert await raw_rows(database) == sorted(rows)
    assert rejected(rejects)[0][0] == len(rows) + 1


async def test_two_imports_of_one_file_at_once_load_each_row_once(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    rows = lines(3 * BATCH_LINES)
    path = write(tmp_path / "a.csv", rows)
    kept = [RejectFile(tmp_path / f"{i}.csv", asked_for=True) for i in range(2)]
    results = await asyncio.gather(
        *(Importer(database, settings, rejects).load_file(path) for rejects in kept),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, InvalidParameterError)]
    assert len(refused) == 1
    assert "another process" in str(refused[0])
    assert await raw_rows(database) == sorted(rows)


CHILD = """
import asyncio, resource, signal, sys
from pathlib import Path
from pydantic import SecretStr
from app.data.database import Database
from app.data.importing.importer import Importer
from app.data.importing.rejects import RejectFile
from app.settings import Settings

async def main(url, path, rejects):

    settings = Settings(database_url=SecretStr(url))
    async with Database(settings) as database:
        kept = RejectFile(Path(rejects), asked_for=True)
        told = lambda progress: print(progress.line, flush=True)
        importer = Importer(database, settings, kept, on_progress=told)
        if path == "-":
            await importer.load_stream(0)
        else:
            await importer.load_file(Path(path))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

# A shell's background jobs, and all they start, are born deaf to it.
signal.signal(signal.SIGINT, signal.default_int_handler)
asyncio.run(main(*sys.argv[1:]))
"""


async def start(url: str, source: Path | str, rejects: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CHILD, url, str(source), str(rejects)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


async def test_ctrl_c_on_a_stream_that_has_more_to_come_loads_nothing(
    database: Database, database_url: str, rejects: Path
) -> None:
    process = await start(database_url, "-", rejects)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.writelines(f"{row}\n".encode() for row in lines(BATCH_LINES + 1))
    while int(await process.stdout.readline()) < BATCH_LINES:
        pass
    # It waits for more now, and the pipe stays open.
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(5):
        assert await process.wait() != 0
    process.stdin.close()
    assert await raw_rows(database) == []


@pytest.mark.parametrize("table", ["kpi_raw_data", "kpi_import"])
async def test_kill_9_in_the_midst_of_a_batch_loads_each_row_once(
    importer: Importer, database: Database, database_url: str, tmp_path: Path, table: str
) -> None:
    rows = lines(2 * BATCH_LINES)
    path = write(tmp_path / "a.csv", rows[:BATCH_LINES])
    await importer.load_file(path)
    write(path, rows)
    async with database.transaction() as connection:
        # The next batch gets as far as this table.
        await connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        process = await start(database_url, path, tmp_path / "rejected.csv")
        async with database.connection() as observer, asyncio.timeout(30):
            while not await observer.fetchval(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
            ):
                await observer.execute("SELECT pg_sleep(0.05)")
        process.kill()
        await process.wait()
    await importer.load_file(path)
    assert await raw_rows(database) == sorted(rows)


@pytest.mark.slow
async def test_kill_9_again_and_again_loads_each_row_once(
    importer: Importer, database: Database, database_url: str, tmp_path: Path, rejects: Path
) -> None:
    rows = lines(6 * BATCH_LINES)
    # A bad line in every batch: the reject file must come out exact as well.
    written = [
        row for start in range(0, len(rows), 5000) for row in [*rows[start : start + 5000], "bad"]
    ]
    path = write(tmp_path / "a.csv", written)
    chance = random.Random(11)
    kills = 0
    while kills < 4:
        process = await start(database_url, path, rejects)
        assert process.stdout is not None
        await process.stdout.readline()
        if chance.random() < 0.5:
            await process.stdout.readline()
        # Somewhere in the midst of reading, copying, committing or keeping rejects.
        await asyncio.sleep(chance.uniform(0, 0.2))
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()
        kills += 1
    done = await importer.load_file(path)
    assert (done.loaded, done.rejected, done.line) == (len(rows), 24, len(written))
    assert await raw_rows(database) == sorted(rows)
    assert [number for number, _, _ in rejected(rejects)] == [5001 * n for n in range(1, 25)]


@pytest.mark.slow
async def test_memory_does_not_grow_with_the_file(
    database_url: str, tmp_path: Path, rejects: Path
) -> None:
    peak_kb = []
    for count in (2 * BATCH_LINES, 10 * BATCH_LINES):
        path = write(tmp_path / f"{count}.csv", lines(count))
        process = await start(database_url, path, rejects)
        async with asyncio.timeout(60):
            out, _ = await process.communicate()
        assert process.returncode == 0
        peak_kb.append(int(out.split()[-1]))
    assert peak_kb[1] - peak_kb[0] < 8_000


async def test_any_line_is_loaded_or_rejected_by_its_number(
    importer: Importer, database: Database, tmp_path: Path, rejects: Path
) -> None:
    chance = random.Random(7)
    good = iter(lines(10_000))
    pieces = [
        ",",
        '"',
        "\r",
        "\x00",
        "é",
        " ",
        "1e400",
        "2025-01-01T00:00:00Z",
        "orders",
        "x" * 5000,
    ]
    written, expected = [], []
    for _ in range(3000):
        if chance.random() < 0.5:
            written.append(next(good))
            expected.append(written[-1])
        else:
            # None of the pieces is a number, so no line of them alone is a row.
            written.append("bad" + "".join(chance.choices(pieces, k=chance.randrange(12))))
    path = tmp_path / "a.csv"
    path.write_bytes("\n".join(written).encode())
    done = await importer.load_file(path)
    assert done.line == 3000
    assert await raw_rows(database) == sorted(expected)
    bad = [number for number, text in enumerate(written, 1) if text.startswith("bad")]
    assert [number for number, _, _ in rejected(rejects)] == bad
