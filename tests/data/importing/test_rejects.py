"""Refused lines are kept in a file of their own; nothing that was there is touched."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from app.data.importing.batches import Reject
from app.data.importing.rejects import RejectFile
from app.errors import InvalidParameterError

REFUSED = [Reject(7, "why", b"oops\n")]


def test_a_file_that_was_asked_for_and_is_there_is_left_alone(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(InvalidParameterError, match="there already, and nothing is overwritten"):
        RejectFile(notes, asked_for=True).open(0)
    with pytest.raises(InvalidParameterError, match="there already"):
        RejectFile(notes, asked_for=True).open(4)  # as long as one of ours was
    assert notes.read_text() == "mine"


@pytest.mark.parametrize("kind", ["fifo", "link", "device"])
def test_what_is_no_plain_file_is_left_alone(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/nowhere")
    else:
        path = Path(os.devnull)
    with pytest.raises(InvalidParameterError, match="there already"):
        RejectFile(path, asked_for=True).open(0)
    assert os.path.lexists(path)


def test_a_name_that_was_made_up_gets_a_number(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.rejected.csv"
    path.write_text("an earlier run's")
    (tmp_path / "a.csv.rejected-2.csv").write_text("another's")
    rejects = RejectFile(path, asked_for=False)
    rejects.open(0)
    rejects.add(REFUSED)
    assert rejects.path == tmp_path / "a.csv.rejected-3.csv"
    assert path.read_text() == "an earlier run's"


def test_one_of_an_earlier_run_is_gone_on_with_from_where_it_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    first = RejectFile(path, asked_for=True)
    first.open(0)
    size = first.add(REFUSED)
    first.add([Reject(8, "not committed", b"x\n")])
    second = RejectFile(path, asked_for=True)
    second.open(size)
    second.add([Reject(9, "why", b"y\n")])
    assert path.read_text().splitlines() == ["line,reason,text", "7,why,oops", "9,why,y"]


def test_two_imports_that_begin_at_once_do_not_share_a_file(tmp_path: Path) -> None:
    one, two = (RejectFile(tmp_path / "bad.csv", asked_for=True) for _ in range(2))
    one.open(0)
    two.open(0)
    one.add(REFUSED)
    with pytest.raises(FileExistsError):
        two.add(REFUSED)


@pytest.mark.parametrize(
    "line",
    [b"=1+1,sales,3", b" +1;x", b"@SUM(1)", b"\t=1", b'"=1",x', "\uff1d1+1".encode(), b"-2+3"],
)
def test_no_line_becomes_a_formula_in_a_spreadsheet(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    rejects = RejectFile(path, asked_for=True)
    rejects.open(0)
    rejects.add([Reject(1, "why", line)])
    with path.open(newline="", encoding="utf-8") as file:
        assert [row["text"] for row in csv.DictReader(file)] == [f"'{line.decode()}"]
