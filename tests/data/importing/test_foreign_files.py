"""Files of other kinds, damaged ones, and the ways in which people write numbers and times."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

from app.data.database import Database
from app.data.importing.command import import_rows, preview
from app.data.importing.layout import read_options
from app.data.importing.lines import BadLineError, parse_value
from app.errors import InvalidParameterError
from app.settings import Settings
from tests.world import fetch

HEAD = "timestamp,kpi_code,value\n"
NOTHING_SAID: dict[str, str | None] = dict.fromkeys(
    ("delimiter", "decimal", "encoding", "columns", "time", "zone")
)


def understood(path: Path, content: bytes, **said: Any) -> list[str]:
    path.write_bytes(content)
    return preview(str(path), read_options(NOTHING_SAID | said))[0]


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, HEAD)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook: save its sheet as"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an Excel workbook: save its sheet as"),
        (zipped("a.csv"), r"unzip -p FILE \| kpi-stream import -"),
        (b"BZh91AY&SY", "bzcat FILE"),
        (b"\xfd7zXZ\0\0", "xzcat FILE"),
        (b"PAR1\x15\x04", "Parquet: write it as CSV"),
        (b"SQLite format 3\0" + bytes(100), "SQLite"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"<!DOCTYPE html>\n<html>", "a page to sign in at"),
        (b'[{"timestamp": 1}]', "JSON: write it as CSV"),
        (b'\xef\xbb\xbf{"timestamp": 1}\n', "JSON: write it as CSV"),
        (b"--\n-- PostgreSQL database dump\n", "load it with psql"),
        (b"timestamp,kpi_code,value\r2026-01-01T00:00:00Z,a,1\r", r"tr '\\r' '\\n'"),
        (b"Report of KPIs\n\n" + HEAD.encode(), "take away what comes before the header"),
        (b"time,a b,a_b\n2026-01-01T00:00:00Z,1,2\n", "two columns would both be a_b"),
    ],
)
def test_what_is_no_table_of_text(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(InvalidParameterError, match=says):
        understood(tmp_path / "a", content)


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
async def test_a_compressed_file_that_is_damaged_is_not_loaded(
    settings: Settings, database: Database, tmp_path: Path, compress: Any
) -> None:
    rows = "".join(f"2026-01-01T{n // 3600:02}:00:00Z,a,{n * n}\n" for n in range(9000))
    whole = compress((HEAD + rows).encode())
    middle = len(whole) // 2
    for damaged in (whole[:middle], whole[:middle] + bytes(40) + whole[middle + 40 :]):
        file = tmp_path / "a.csv"
        file.write_bytes(damaged)
        with pytest.raises(InvalidParameterError, match="it is cut off or damaged"):
            await import_rows(settings, str(file), out=io.StringIO())
    assert await fetch(database, "SELECT FROM kpi_raw_data") == []


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_utf_16_with_and_without_its_mark(tmp_path: Path, encoding: str) -> None:
    text = HEAD + "2026-01-01T00:00:00Z,a,1\n"
    said = understood(tmp_path / "a.csv", text.encode(encoding))
    assert said[1:] == ["line 2: 2026-01-01T00:00:00+00:00  a  1.0"]


def test_what_excel_writes(tmp_path: Path) -> None:
    content = "sep=;\nDatum;Kennzahl;Wert\n46023,5;a;1.234,5\n;;\n46023,75;a;2\n".encode("cp1252")
    named = {"columns": "time=Datum,code=Kennzahl,value=Wert", "zone": "Europe/Berlin"}
    with pytest.raises(InvalidParameterError, match="--time excel"):
        understood(tmp_path / "a.csv", content, **named)
    assert understood(tmp_path / "a.csv", content, **named, time="excel")[1:] == [
        "line 3: 2026-01-01T12:00:00+01:00  a  1234.5",
        "line 5: 2026-01-01T18:00:00+01:00  a  2.0",
    ]


@pytest.mark.parametrize(
    ("time", "option"),
    [
        ("13.01.2026 13:05", "'%d.%m.%Y %H:%M'"),
        ("1.2.26", "'%d.%m.%y'"),
        ("01/13/2026 13:05:10", "'%m/%d/%Y %H:%M:%S'"),
        ("13/01/2026", "'%d/%m/%Y'"),
        ("1/13/2026 1:05 PM", "'%m/%d/%Y %I:%M %p'"),
        ("1/13/2026, 1:05:10PM", "'%m/%d/%Y, %I:%M:%S%p'"),
        ("13-01-2026 13:05", "'%d-%m-%Y %H:%M'"),
    ],
)
def test_the_option_that_is_advised_reads_the_time(tmp_path: Path, time: str, option: str) -> None:
    content = f'time,code,value\n"{time}",a,1\n'.encode()
    with pytest.raises(InvalidParameterError) as raised:
        understood(tmp_path / "a.csv", content, zone="UTC")
    assert f"--time {option};" in str(raised.value)
    said = understood(tmp_path / "a.csv", content, zone="UTC", time=option.strip("'"))
    assert "refused" not in said[1]


def test_both_orders_are_named_where_either_could_be_meant(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="'%m/%d/%Y' where the month comes first"):
        understood(tmp_path / "a.csv", b"time,code,value\n01/02/2026,a,1\n")
    with pytest.raises(InvalidParameterError, match="--time: 'us date' is none"):
        understood(tmp_path / "a.csv", b"time,code,value\n01/02/2026,a,1\n", time="us date")


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("1,234.5", ".", 1234.5),
        ("-12,345,678", ".", -12345678.0),
        ("1 234.5", ".", 1234.5),
        ("1'234'567", ".", 1234567.0),
        ("1.234,5", ",", 1234.5),
        ("1.234.567", ",", 1234567.0),
        ("1\u202f234,5", ",", 1234.5),
        ("+1\u00a0234", ",", 1234.0),
    ],
)
def test_separators_of_thousands(text: str, decimal: str, value: float) -> None:
    assert parse_value(text, decimal) == value


@pytest.mark.parametrize(
    ("text", "decimal"),
    [
        ("1,234", "."),
        ("1.234", ","),
        ("1,23,456", "."),
        ("12 34", "."),
        ("1,2345.6", "."),
        ("$5", "."),
    ],
)
def test_what_may_be_something_else_is_refused(text: str, decimal: str) -> None:
    with pytest.raises(BadLineError):
        parse_value(text, decimal)
