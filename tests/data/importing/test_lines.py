"""Lines are read as rows or refused with a reason; nothing that is in a file can do harm."""

from __future__ import annotations

import io
import math
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.data.importing.layout import Layout
from app.data.importing.lines import (
    LONGEST_LINE_BYTES,
    BadLineError,
    LineParser,
    Row,
    read_lines,
)

AT = datetime(2025, 3, 30, 1, 30, tzinfo=UTC)


def parse(text: str | bytes, number: int = 2, *, header: bool = False) -> Row | None:
    raw = text.encode() if isinstance(text, str) else text
    (line,) = read_lines(io.BytesIO(raw), number - 1, 0)
    rows = LineParser(Layout(skipped=frozenset({number} if header else ()))).parse(line)
    return rows[0] if rows else None


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-30T01:30:00Z,orders,1.5",
        "2025-03-30T01:30:00+00:00,orders,1.5\n",
        "2025-03-30 03:30:00+02:00,orders,1.5\r\n",
        '"2025-03-30T01:30:00Z","orders","1.5"\r\n',
        "  2025-03-30T07:00:00.000+05:30 , orders , 15e-1 \n",
    ],
)
def test_a_row_in_many_forms(text: str) -> None:
    assert parse(text) == Row(AT, "orders", 1.5)


@pytest.mark.parametrize(
    "text", ["timestamp,kpi_code,value\n", "\ufeffTimestamp,KPI_code,Value\r\n"]
)
def test_the_header_is_no_row_on_the_first_line_alone(text: str) -> None:
    assert parse(text, number=1, header=True) is None
    with pytest.raises(BadLineError):
        parse(text, number=2)


@pytest.mark.parametrize("text", ["\n", "\r\n", "  \n", '""\n'])
def test_blank_lines_are_no_rows(text: str) -> None:
    assert parse(text) is None


def test_a_byte_order_mark_before_data() -> None:
    assert parse("\ufeff2025-03-30T01:30:00Z,orders,1.5", number=1) == Row(AT, "orders", 1.5)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2025-03-30T01:30:00,orders,1", "no offset"),
        ("2025-03-30,orders,1", "no offset"),
        ("yesterday,orders,1", "not ISO 8601"),
        ("2025-02-30T00:00:00Z,orders,1", "not ISO 8601"),
        ("1969-12-31T23:59:59Z,orders,1", "1970"),
        ("2200-01-01T00:00:00Z,orders,1", "2199"),
        ("0001-01-01T00:00:00+05:00,orders,1", "1970"),
        ("9999-12-31T23:59:59-05:00,orders,1", "2199"),
        ("2025-03-30T01:30:00Z,orders packed,1", "KPI code"),
        ("2025-03-30T01:30:00Z,,1", "KPI code"),
        (f"2025-03-30T01:30:00Z,{'x' * 65},1", "KPI code"),
        ("2025-03-30T01:30:00Z,orders,", "not a number"),
        ("2025-03-30T01:30:00Z,orders,1_000", "not a number"),
        ("2025-03-30T01:30:00Z,orders,0x10", "not a number"),
        ("2025-03-30T01:30:00Z,orders,NaN", "finite"),
        ("2025-03-30T01:30:00Z,orders,-Infinity", "finite"),
        ("2025-03-30T01:30:00Z,orders,1e400", "finite"),
        ("2025-03-30T01:30:00Z,orders,1.1e290", "finite"),
        ("2025-03-30T01:30:00Z,orders,-9e-291", "finite"),
        ("2025-03-30T01:30:00Z,orders", "2 fields"),
        ("2025-03-30T01:30:00Z,orders,1,2", "4 fields"),
        ('2025-03-30T01:30:00Z,"orders,1', "quotes"),
        ("2025-03-30T01:30:00Z,größe,1", "KPI code"),
        (b"\xff\xfe\x00", "not utf-8; --encoding"),
        ("x" * (LONGEST_LINE_BYTES + 1), "longer"),
    ],
)
def test_bad_lines_say_why(text: str | bytes, reason: str) -> None:
    with pytest.raises(BadLineError, match=reason):
        parse(text)


@pytest.mark.parametrize("value", [-1e290, -1e-290, 0.0, 1e-290, 1e290])
def test_the_outermost_values_are_rows(value: float) -> None:
    assert parse(f"2025-03-30T01:30:00Z,orders,{value!r}") == Row(AT, "orders", value)


@given(st.binary() | st.text(alphabet='0123456789-T:Z+.,"\r\n eEaN\ufeff').map(str.encode))
@example(b'"\n"')
@example(b"\r\r,\x00,\n")
def test_any_bytes_are_rows_blanks_or_refused(data: bytes) -> None:
    parser = LineParser(Layout())
    lines = list(read_lines(io.BytesIO(data), 0, 0))
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert b"".join(line.text for line in lines) == data
    for line in lines:
        try:
            rows = parser.parse(line)
        except BadLineError as error:
            assert str(error)
        else:
            assert all(row.timestamp.tzinfo and math.isfinite(row.value) for row in rows)


@given(st.lists(st.integers(0, 3 * LONGEST_LINE_BYTES), max_size=6), st.booleans())
def test_long_lines_are_cut_but_counted(lengths: list[int], ends: bool) -> None:
    data = b"\n".join(b"x" * length for length in lengths) + (b"\n" if ends else b"")
    lines = list(read_lines(io.BytesIO(data), 10, 1000))
    assert len(lines) == len(data.splitlines())
    assert all(len(line.text) <= LONGEST_LINE_BYTES for line in lines)
    for line, whole in zip(lines, data.splitlines(keepends=True), strict=True):
        assert line.is_whole == (len(whole) <= LONGEST_LINE_BYTES)
    assert not lines or lines[-1].end == 1000 + len(data)
