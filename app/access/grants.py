"""What a caller may see and do, as a claim of its token says it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from ..errors import InvalidCodeError, UnauthorizedError
from ..models import Channel, Period, is_text, parse_code

CLAIM = "kpi_stream"
"""The claim of a token that holds the grants."""

MAX_PATTERNS = 1000


@dataclass(frozen=True, slots=True)
class Codes:
    """A set of KPI codes: some by name, all that begin with a prefix, or every one."""

    names: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    every: bool = False

    @classmethod
    def parse(cls, patterns: Iterable[str]) -> Self:
        """Read codes, `prefix.*` and `*`; raises UnauthorizedError."""
        names: set[str] = set()
        prefixes: set[str] = set()
        every = False
        for number, pattern in enumerate(patterns):
            if number >= MAX_PATTERNS or not isinstance(pattern, str):
                raise _malformed(f"more than {MAX_PATTERNS} patterns of KPI codes, or no texts")
            if pattern == "*":
                every = True
            elif pattern.endswith(".*"):
                prefixes.add(_code(pattern.removesuffix("*")))
            else:
                names.add(_code(pattern))
        return cls(frozenset(names), tuple(sorted(prefixes)), every)

    def __contains__(self, code: object) -> bool:
        """Tell whether a code is in the set."""
        if self.every or code in self.names:
            return True
        return isinstance(code, str) and code.startswith(self.prefixes)

    def patterns(self) -> list[str]:
        """Return what `parse` read."""
        return [*sorted(self.names), *(f"{p}*" for p in self.prefixes), *["*"][: self.every]]


@dataclass(frozen=True, slots=True)
class Grants:
    """All that a caller may see and do; whatever is not said is not allowed.

    `boards` are the slugs of the boards that may be read, None for all of them.
    """

    read: Codes = Codes()
    periods: frozenset[Period] = frozenset(Period)
    write: Codes = Codes()
    boards: frozenset[str] | None = None
    write_boards: bool = False
    metrics: bool = False

    @classmethod
    def parse(cls, claim: Any) -> Self:
        """Read the claim; raises UnauthorizedError where it is not of the form documented."""
        if claim is None:
            return cls(boards=frozenset())
        if not isinstance(claim, dict):
            raise _malformed("it must be an object")
        boards = claim.get("boards", "read")
        if boards not in ("read", "write") and not _texts(boards):
            raise _malformed('boards must be "read", "write" or a list of slugs')
        return cls(
            Codes.parse(_list(claim, "kpis")),
            _periods(claim.get("periods")),
            Codes.parse(_list(claim, "write")),
            None if isinstance(boards, str) else frozenset(boards),
            boards == "write",
            claim.get("metrics") is True,
        )

    def claim(self) -> dict[str, Any]:
        """Return what `parse` read."""
        boards: Any = "write" if self.write_boards else "read"
        if self.boards is not None:
            boards = sorted(self.boards)
        return {
            "kpis": self.read.patterns(),
            "periods": sorted(self.periods),
            "write": self.write.patterns(),
            "boards": boards,
            "metrics": self.metrics,
        }

    def may_see(self, channel: Channel) -> bool:
        """Tell whether a channel may be seen."""
        return channel.period in self.periods and channel.code in self.read

    def may_read_board(self, slug: str) -> bool:
        """Tell whether a shared board may be read."""
        return self.boards is None or slug in self.boards


ALL = Grants(Codes(every=True), write=Codes(every=True), write_boards=True, metrics=True)


def _list(claim: dict[str, Any], name: str) -> list[str]:
    value = claim.get(name, [])
    if not _texts(value):
        raise _malformed(f"{name} must be a list of KPI codes such as plant1.oee or plant1.*")
    return list(value)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


def _periods(value: Any) -> frozenset[Period]:
    if value is None:
        return frozenset(Period)
    try:
        if not isinstance(value, list):
            raise TypeError
        return frozenset(Period(item) for item in value)
    except (TypeError, ValueError):
        raise _malformed(f"periods must be a list of {', '.join(Period)}") from None


def _code(text: str) -> str:
    try:
        return parse_code(text)
    except InvalidCodeError:
        raise _malformed(
            f"{text[:100]!r} is no KPI code, and * stands alone or after a dot"
        ) from None


def _malformed(why: str) -> UnauthorizedError:
    return UnauthorizedError(f"the token's claim {CLAIM} is malformed: {why}")
