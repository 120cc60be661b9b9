"""Files that are no text with columns, told by how they begin."""

from __future__ import annotations

from ...errors import InvalidParameterError

_WORKBOOK = "an Excel workbook: save its sheet as CSV (File, Save As, CSV UTF-8) and import that"
_MAGIC = (
    (b"\xd0\xcf\x11\xe0", _WORKBOOK),
    (b"PK\x03\x04", "a zip archive: unpack it, as in unzip -p FILE | kpi-stream import -"),
    (b"BZh", "bzip2: unpack it, as in bzcat FILE | kpi-stream import -"),
    (b"\xfd7zXZ\0", "xz: unpack it, as in xzcat FILE | kpi-stream import -"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it and import what is in it"),
    (b"PAR1", "Parquet: write it as CSV, as with pandas.read_parquet(…).to_csv(…)"),
    (b"SQLite format 3\0", "a SQLite database: write the table as CSV and import that"),
    (b"%PDF-", "a PDF: import the table that it was made from, as CSV"),
    (b"<", "HTML or XML, such as a page to sign in at: download the file itself"),
    (b"[", "JSON: write it as CSV, or send it to POST /values of a server"),
    (b"{", "JSON: write it as CSV, or send it to POST /values of a server"),
    (b"--\n-- PostgreSQL database dump", "a dump: load it with psql"),
    (b"PGDMP", "a dump: load it with pg_restore"),
)


def refuse_foreign(head: bytes) -> None:
    """Raise InvalidParameterError, with what to do, for a file that begins as another kind."""
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if begin.startswith(b"PK\x03\x04") and b"[Content_Types].xml" in head:
        raise InvalidParameterError(f"this is {_WORKBOOK}")
    for magic, kind in _MAGIC:
        if begin.startswith(magic):
            raise InvalidParameterError(f"this is {kind}")
    if b"\r" in head and b"\n" not in head and head.count(b"\r") > 1:
        raise InvalidParameterError(
            "its lines end with carriage returns alone: write them anew, as in "
            r"tr '\r' '\n' < FILE | kpi-stream import -"
        )
