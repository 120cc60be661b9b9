"""What a look at a database finds, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..database import load_queries


class Severity(StrEnum):
    """How bad it is: an error gives wrong numbers or none."""

    ERROR = "error"
    WARNING = "warning"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence on the database, and the SQL (or the command) that mends it."""

    severity: Severity
    sentence: str
    sql: str | None = None


def error(sentence: str, sql: str | None = None) -> Finding:
    """Return what gives wrong numbers, or none."""
    return Finding(Severity.ERROR, sentence, sql)


def warning(sentence: str, sql: str | None = None) -> Finding:
    """Return what may give wrong numbers one day, or is slow."""
    return Finding(Severity.WARNING, sentence, sql)


def fine(sentence: str) -> Finding:
    """Return what is as it should be, or only worth knowing."""
    return Finding(Severity.OK, sentence)


def mend(name: str, **words: object) -> str:
    """Return the statement that mends something, its words in braces replaced."""
    replace = {f"{{{word}}}": str(by) for word, by in words.items()}
    return str(getattr(load_queries("mends", replace), name).sql)
