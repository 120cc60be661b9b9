"""What the user of `kpi-stream import` is told."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import zstandard

from app.data.database import Database
from app.data.importing.command import Outcome, import_rows, preview
from app.data.importing.layout import Options
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
        f"1 row loaded; 1 line refused, see {source}.rejected.csv"
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
    with pytest.raises(InvalidParameterError, match="line 2: 1 field "):
        await import_rows(settings, source, stop_at_first=True, out=io.StringIO())


async def test_a_file_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    source = str(tmp_path / "none.csv")
    with pytest.raises(InvalidParameterError, match=r"none\.csv: No such file"):
        await import_rows(settings, source, out=io.StringIO())


async def test_a_source_that_cannot_be_read(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="source cannot be read"):
        await import_rows(settings, str(tmp_path), rejects=tmp_path / "bad", out=io.StringIO())


@pytest.mark.parametrize(
    ("text", "outcome", "says"),
    [
        (LINE.format(1, 1), Outcome.EVERYTHING, "1 row loaded"),
        (LINE.format(1, 1) + "oops\n", Outcome.SOMETHING, "1 line refused"),
        (LINE.format(1, "x") * 2, Outcome.NOTHING, "0 rows loaded; 2 lines refused"),
        ("timestamp,kpi_code,value\n", Outcome.NOTHING, "nothing was loaded: there is no row in"),
        ("", Outcome.NOTHING, "nothing was loaded"),
    ],
)
async def test_the_outcome_says_how_much_was_loaded(
    settings: Settings, tmp_path: Path, text: str, outcome: Outcome, says: str
) -> None:
    out = io.StringIO()
    assert await import_rows(settings, write(tmp_path / "a.csv", text), out=out) is outcome
    assert says in out.getvalue()


async def test_a_file_that_was_loaded_before_is_everything(
    settings: Settings, tmp_path: Path
) -> None:
    source = write(tmp_path / "a.csv", LINE.format(1, 1))
    for _ in range(2):
        assert await import_rows(settings, source, out=io.StringIO()) is Outcome.EVERYTHING


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
async def test_a_compressed_file_is_loaded_once_and_whole(
    database: Database, settings: Settings, tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "a.csv.x"
    path.write_bytes(compress((LINE.format(1, 1) * 3).encode()))
    for _ in range(2):
        await import_rows(settings, str(path), out=io.StringIO())
    assert await count(database) == 3
    path.write_bytes(compress((LINE.format(1, 1) * 3 + "oops\n").encode()))
    with pytest.raises(InvalidParameterError, match="line 4"):
        await import_rows(settings, str(path), stop_at_first=True, again=True, out=io.StringIO())
    assert await count(database) == 3


async def test_a_file_with_an_earlier_line_edited_is_not_loaded_twice(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    lines = [LINE.format(second, second) for second in range(6)]
    source = write(tmp_path / "a.csv", "".join(lines))
    await import_rows(settings, source, out=io.StringIO())
    write(tmp_path / "a.csv", "".join([*lines[:3], LINE.format(3, 99), *lines[4:]]))
    with pytest.raises(InvalidParameterError, match=r"was changed before line 7.*--again"):
        await import_rows(settings, source, out=io.StringIO())
    assert await count(database) == 6
    await import_rows(settings, source, again=True, out=io.StringIO())
    assert await count(database) == 12


async def test_the_input_is_not_taken_for_the_reject_file(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    source = write(path, LINE.format(1, 1) + "oops\n")
    with pytest.raises(InvalidParameterError, match="there already"):
        await import_rows(settings, source, rejects=path, out=io.StringIO())
    assert path.read_text(encoding="utf-8") == LINE.format(1, 1) + "oops\n"


def test_a_dry_run_shows_the_first_rows_as_understood(tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", "time;CPU usage\n1743298200;1,5\nx;2\n")
    said, outcome = preview(source, Options())
    assert said == [
        "utf-8, columns apart by ';', decimal ',', times as s",
        "a KPI a column: column 2 is CPU_usage",
        "line 2: 2025-03-30T01:30:00+00:00  CPU_usage  1.5",
        "line 3 is refused: the time is not of the form s; --time says how it is written",
    ]
    assert outcome is Outcome.SOMETHING


@pytest.mark.parametrize("text", ["", "\n", "timestamp,kpi_code,value\n"])
def test_a_dry_run_of_no_rows_says_so(text: str, tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", text)
    said, outcome = preview(source, Options())
    assert said[-1] == f"there is no row in {source}"
    assert outcome is Outcome.NOTHING


def test_a_dry_run_in_which_all_is_refused_says_so(tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", "2026-05-01T12:00Z,sales,much\n")
    assert preview(source, Options())[1] is Outcome.NOTHING


def test_all_that_a_file_from_a_german_excel_needs_is_said_at_once(tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", "timestamp;kpi_code;value\n31.12.2026 12:00;sales;1,5\n")
    with pytest.raises(InvalidParameterError) as said:
        preview(source, Options())
    for option in ("--time '%d.%m.%Y %H:%M'", "--zone Europe/Berlin"):
        assert option in str(said.value)
    options = Options(time="%d.%m.%Y %H:%M", zone=ZoneInfo("Europe/Berlin"))
    assert preview(source, options)[0][-1] == "line 2: 2026-12-31T12:00:00+01:00  sales  1.5"


async def test_a_file_whose_name_is_no_text(settings: Settings, tmp_path: Path) -> None:
    """As one from Windows, where the locale is UTF-8: Python gives its name as surrogates."""
    source = write(Path(os.fsdecode(bytes(tmp_path / "gr") + b"\xfc\xdf.csv")), LINE.format(1, 1))
    for says in ("1 row loaded", "0 rows loaded, 1 by an earlier run"):
        out = io.StringIO()
        assert await import_rows(settings, source, out=out) is Outcome.EVERYTHING
        assert says in out.getvalue()
