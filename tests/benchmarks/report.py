"""The figures as Markdown: a table for each kind of work, and what the project promises itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """Figures of one kind of work."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        return "\n".join([f"## {self.title}", "", self.table(), *self._remarks(), ""])

    def _remarks(self) -> list[str]:
        return ["", self.note] if self.note else []

    def table(self) -> str:
        """Return the figures alone."""
        widths = [
            max(len(row[at]) for row in (self.head, *self.rows)) for at in range(len(self.head))
        ]

        def line(cells: Sequence[str]) -> str:
            first, *others = zip(cells, widths, strict=True)
            right = [cell.rjust(width) for cell, width in others]
            return f"| {' | '.join([first[0].ljust(first[1]), *right])} |"

        rule = "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])])
        return "\n".join([line(self.head), f"|{rule}|", *map(line, self.rows)])


@dataclass(frozen=True)
class Promise:
    """One figure, and what it should be."""

    work: str
    bound: str
    figure: str
    kept: bool


@dataclass
class Report:
    """All of it."""

    machine: str
    scale: str
    tables: list[Table] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def at_most(self, work: str, bound: float, figure: float, form: str = "{:.2f}") -> None:
        kept = figure <= bound
        self.promises.append(Promise(work, "≤ " + form.format(bound), form.format(figure), kept))

    def at_least(self, work: str, bound: float, figure: float, form: str = "{:.2f}") -> None:
        kept = figure >= bound
        self.promises.append(Promise(work, "≥ " + form.format(bound), form.format(figure), kept))

    def promised(self) -> Table:
        rows = [(p.work, p.bound, p.figure, "yes" if p.kept else "**no**") for p in self.promises]
        return Table("What is promised", ("work", "bound", "measured", "kept"), rows)

    def markdown(self) -> str:
        tables = [table for table in (self.promised(), *self.tables) if table.rows]
        failures = [f"Not measured: {failure}.\n" for failure in self.failures]
        return "\n".join([*failures, *(table.markdown() for table in tables)])
