"""What a fault cost, as a row of the report that `make soak` prints."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

KEY = "fault"


@dataclass(frozen=True)
class Outcome:
    """One fault: how often it was made, and what the listeners' accounts say of it."""

    fault: str
    times: int
    listeners: int
    expected: int
    lost: int
    repeated: int
    seconds_to_recover: float

    def cells(self) -> list[str]:
        return [f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in astuple(self)]


HEADINGS = [field.name.replace("_", " ") for field in fields(Outcome)]


def table(rows: list[list[str]]) -> list[str]:
    """Return the report's lines, one a fault."""
    cells = [HEADINGS, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
