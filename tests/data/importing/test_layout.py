"""What programs write is read, or refused with the option that would read it."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from tempfile import TemporaryFile

import pytest
import zstandard

from app.data.importing.layout import read_options
from app.data.importing.lines import BadLineError, LineParser, Row, read_lines
from app.data.importing.source import open_text
from app.errors import InvalidParameterError

AT = datetime(2025, 3, 30, 1, 30, tzinfo=UTC)
ROWS = [Row(AT, "orders", 1.5), Row(AT, "returns", 2.0)]

NOTHING: dict[str, str | None] = dict.fromkeys(
    ("delimiter", "decimal", "encoding", "columns", "time", "zone")
)


def read(data: bytes | str, **said: str) -> list[Row]:
    with TemporaryFile(buffering=0) as file:
        file.write(data if isinstance(data, bytes) else data.encode())
        file.seek(0)
        text = open_text(file, read_options(NOTHING | said))
        parser = LineParser(text.layout)
        return [row for line in read_lines(text.source, 0, 0) for row in parser.parse(line)]


PLAIN = (
    "timestamp,kpi_code,value\n2025-03-30T01:30:00Z,orders,1.5\n2025-03-30T01:30:00Z,returns,2\n"
)
GERMAN = "Datum;Kennzahl;Wert\n2025-03-30T01:30:00Z;orders;1,5\n2025-03-30T01:30:00Z;returns;2,0\n"
NAMED = {"columns": "time=Datum,code=Kennzahl,value=Wert"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (PLAIN, {}),
        (PLAIN.encode("utf-8-sig"), {}),
        (PLAIN.encode("utf-16"), {}),
        (PLAIN.encode("utf-16-le"), {"encoding": "utf-16-le"}),
        (PLAIN.replace("\n", "\r\n"), {}),
        (gzip.compress(PLAIN.encode(), mtime=0), {}),
        (zstandard.compress(PLAIN.encode()), {}),
        (zstandard.compress(PLAIN[:60].encode()) + zstandard.compress(PLAIN[60:].encode()), {}),
        (gzip.compress(PLAIN.encode("utf-16"), mtime=0), {}),
        (PLAIN.replace(",", "\t"), {}),
        (PLAIN.replace(",", "|"), {}),
        (PLAIN.replace(",", ":").replace("01:30:00", "013000"), {"delimiter": ":"}),
        ("".join(PLAIN.splitlines(keepends=True)[1:]), {}),
        (GERMAN, NAMED),
        (GERMAN.replace("Kennzahl", "Größe").encode("cp1252"), {"columns": "time,code,value"}),
        ("code;time;val\norders;2025-03-30T01:30:00Z;1,5\nreturns;2025-03-30T01:30:00Z;2\n", {}),
        (
            "orders,2025-03-30T01:30:00Z,x,1.5\nreturns,2025-03-30T01:30:00Z,y,2\n",
            {"columns": "code,time,-,value"},
        ),
        (
            "when,kpi,value\n30.03.2025 03:30,orders,1.5\n30.03.2025 03:30,returns,2\n",
            {
                "columns": "time=when,code=kpi,value=value",
                "time": "%d.%m.%Y %H:%M",
                "zone": "Europe/Berlin",
            },
        ),
        ("time,code,value\n1743298200,orders,1.5\n1743298200.0,returns,2\n", {}),
        ("time,code,value\n1743298200000,orders,1.5\n1743298200000,returns,2\n", {}),
        ("time,code,value\n1743298200000000,orders,1.5\n1743298200000000,returns,2\n", {}),
        ("ts,code,value\n1743298200000000000,orders,1.5\n1743298200000000000,returns,2\n", {}),
    ],
)
def test_what_programs_write_is_read(data: bytes | str, said: dict[str, str]) -> None:
    assert read(data, **said) == ROWS


@pytest.mark.parametrize(
    ("data", "said"),
    [
        # Grafana: a series a column, local times; pandas: an index without a name.
        ('"Time","orders","returns"\n2025-03-30 03:30:00,1.5,2\n', {"zone": "Europe/Berlin"}),
        ("timestamp,orders,returns\n2025-03-30 01:30:00+00:00,1.5,2.0\n", {}),
        (
            ",timestamp,kpi_code,value\n0,2025-03-30 01:30:00+00:00,orders,1.5\n"
            "1,2025-03-30 01:30:00+00:00,returns,2.0\n",
            {},
        ),
        # InfluxDB: notes before the header.
        (
            "#group,false,false,true,false,true\n#datatype,string,long,time,double,string\n"
            ",result,table,_time,_value,_field\n"
            ",,0,2025-03-30T01:30:00Z,1.5,orders\n,,1,2025-03-30T01:30:00Z,2,returns\n",
            {},
        ),
        # psql and COPY: an offset in hours.
        (
            "timestamp,kpi_code,value\n2025-03-30 01:30:00+00,orders,1.5\n"
            "2025-03-30 01:30:00+00,returns,2\n",
            {},
        ),
        # A gap in a wide file is no row.
        ("time,orders,returns,more\n2025-03-30T01:30:00Z,1.5,2,\n", {}),
        ("time,orders,returns,more\n2025-03-30T01:30:00Z,1.5,2,NaN\n", {}),
        ("2025-03-30T01:30:00Z;1,5;2\n", {"columns": "time,orders,returns"}),
    ],
)
def test_what_tools_export_is_read(data: str, said: dict[str, str]) -> None:
    assert read(data, **said) == ROWS


def test_a_column_whose_name_is_no_code_becomes_one() -> None:
    (row,) = read("time,CPU usage (%)\n2025-03-30T01:30:00Z,1.5\n")
    assert row.code == "CPU_usage"


@pytest.mark.parametrize(
    ("data", "said", "says"),
    [
        ("timestamp,kpi_code,value\n2025-03-30 01:30,orders,1\n", {}, "--zone Europe/Berlin"),
        ("timestamp,kpi_code,value\n30.03.2025 01:30,orders,1\n", {}, "--time '%d.%m.%Y %H:%M'"),
        ("Datum;Kennzahl;Wert\n2025-03-30T01:30:00Z;orders;1,5\n", {}, "--columns time=Datum"),
        ("2025-03-30T01:30:00Z,orders,x,1\n", {}, "--columns time,code,value,-"),
        ("kpi_code,timestamp,value\n", {"columns": "time=when"}, "no column is called 'when'"),
        (PLAIN, {"columns": "time,code"}, "must name time, code and value"),
        (PLAIN, {"columns": "time,code,value,-,-,orders"}, "names 6 columns, a line has 3"),
        (PLAIN, {"columns": "time,größe,value"}, "'größe' is none of"),
        (PLAIN, {"delimiter": "::"}, "--delimiter: name one character"),
        (PLAIN, {"zone": "Europe/Berlim"}, "--zone: 'Europe/Berlim' is no time zone"),
        (PLAIN, {"encoding": "ebcdic-x"}, "--encoding: 'ebcdic-x' is none"),
    ],
)
def test_what_cannot_be_found_out_is_asked_for_by_an_option(
    data: str, said: dict[str, str], says: str
) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        read(data, **said)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("data", "said", "says"),
    [
        (PLAIN.replace("2\n", '"2,0"\n'), {}, "--decimal , reads a decimal comma"),
        (GERMAN.replace("2,0", "1.002"), NAMED, "not a number"),
        (PLAIN.replace("Z,returns", ",returns"), {}, "--zone says which zone"),
        (PLAIN + "2025-03-30T01:30:00Z,größe,1\n", {"encoding": "ascii"}, "--encoding"),
    ],
)
def test_a_line_unlike_the_others_is_refused_with_the_option(
    data: str, said: dict[str, str], says: str
) -> None:
    with pytest.raises(BadLineError) as caught:
        read(data, **said)
    assert says in str(caught.value)
