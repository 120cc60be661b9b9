"""Who asks, and the one function that every route asks what is allowed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ..errors import ForbiddenError
from ..models import Channel
from .grants import ALL, Grants


class Right(StrEnum):
    """What a route is about to do."""

    SEE = "see"
    LIST = "list"
    WRITE_ROWS = "write rows of"
    READ_BOARD = "read the board"
    WRITE_BOARD = "write the board"
    READ_METRICS = "read metrics"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever asks: its name, what it may do, and until when (seconds since 1970, None: always).

    `tokens` are the ids of our own tokens that led here: where one is revoked this ends.
    """

    subject: str
    grants: Grants
    expires: float | None = None
    tokens: tuple[str, ...] = ()

    def may(self, right: Right, target: Channel | str = "") -> bool:
        """Tell whether the caller may do something with a channel, a KPI's code or a board's slug.

        This is the one place where that is decided.
        """
        grants = self.grants
        if isinstance(target, Channel):
            return right is Right.SEE and grants.may_see(target)
        match right:
            case Right.LIST:
                return target in grants.read
            case Right.WRITE_ROWS:
                return target in grants.write
            case Right.READ_BOARD:
                return grants.may_read_board(target)
            case Right.WRITE_BOARD:
                return grants.write_boards and grants.may_read_board(target)
            case Right.READ_METRICS:
                return grants.metrics
            case Right.SEE:
                return False

    def require(self, right: Right, targets: Iterable[Channel | str] = ("",)) -> None:
        """Raise ForbiddenError for the first of the targets that the caller may not have."""
        for target in targets:
            if not self.may(right, target):
                raise ForbiddenError(f"you may not {right} {target}".rstrip())

    @property
    def counted_as(self) -> str | None:
        """Whose limits count: those without a name share one's; None where nobody is asked."""
        return None if self is EVERYBODY else self.subject

    @property
    def may_write_boards(self) -> bool:
        """Whether the caller may write shared boards at all."""
        return self.grants.write_boards


EVERYBODY = Caller("", ALL)
"""Who asks where nobody is asked who they are (KPI_AUTH=none)."""
