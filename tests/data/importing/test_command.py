"""What the user of `kpi-stream import` is told."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from pathlib import Path

import pytest

from app.data.database import Database
from app.data.importing.command import import_rows
from app.errors import InvalidParameterError
from app.settings import Settings

LINE = "2025-03-28T00:00:0{}Z,orders,{}\n"


async def count(database: Database) -> int:
    async with database.connection() as connection:
        rows: int = await connection.fetchval("SELECT count(*) FROM kpi_raw_data")
    return rows


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


async def test_a_file_in_two_runs(database: Database, settings: Settings, tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", LINE.format(1, 1) + "oops\n")
    out = io.StringIO()
    await import_rows(settings, source, out=out)
    assert out.getvalue().splitlines()[-1] == (
        f"1 rows loaded; 1 lines refused, see {source}.rejected.csv"
    )
    write(tmp_path / "a.csv", LINE.format(1, 1) + "oops\n" + LINE.format(2, 2) * 2)
    out = io.StringIO()
    await import_rows(settings, source, out=out)
    assert out.getvalue().splitlines()[-1].startswith("2 rows loaded, 1 by an earlier run;")
    assert await count(database) == 3


async def test_a_named_pipe(database: Database, settings: Settings, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=write, args=(pipe, LINE.format(1, 1) * 5))
    writer.start()
    await import_rows(settings, str(pipe), rejects=tmp_path / "bad.csv", out=io.StringIO())
    await asyncio.to_thread(writer.join)
    assert await count(database) == 5


async def test_stop_at_the_first_bad_line(settings: Settings, tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", LINE.format(1, 1) + "oops\n")
    with pytest.raises(InvalidParameterError, match="line 2: 1 fields"):
        await import_rows(settings, source, stop_at_first=True, out=io.StringIO())


async def test_a_file_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    source = str(tmp_path / "none.csv")
    with pytest.raises(InvalidParameterError, match=r"none\.csv: No such file"):
        await import_rows(settings, source, out=io.StringIO())


async def test_a_source_that_cannot_be_read(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="source cannot be read"):
        await import_rows(settings, str(tmp_path), rejects=tmp_path / "bad", out=io.StringIO())
