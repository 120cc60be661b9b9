"""What requests say in their query strings, checked."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from quart import Request

from ..errors import InvalidParameterError
from ..live.snapshots import MAX_HISTORY
from ..models import Channel, Period, parse_code, parse_period

DEFAULT_HISTORY = 60
_EARLIEST = int(datetime(1900, 1, 1, tzinfo=UTC).timestamp())
_LATEST = int(datetime(9000, 1, 1, tzinfo=UTC).timestamp())
MAX_CHANNELS = 256
MAX_BOARDS = 64
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")


def channel(request: Request, code: str) -> Channel:
    """Return the channel of a KPI's URL; the period is `minute` where none is named."""
    return Channel(
        parse_code(code), parse_period(_first(request.args.getlist("period"), Period.MINUTE))
    )


def channels(request: Request) -> list[Channel]:
    """Return the channels of a stream over many, each once, in the order named."""
    named = list(dict.fromkeys(map(Channel.parse, request.args.getlist("channel"))))
    if not named:
        raise InvalidParameterError("name at least one channel, as in ?channel=code:minute")
    if len(named) > MAX_CHANNELS:
        raise InvalidParameterError(f"a stream carries up to {MAX_CHANNELS} channels")
    return named


def history(request: Request, *, most: int = MAX_HISTORY) -> int:
    """Return how many buckets a snapshot should have."""
    text = _first(request.args.getlist("history"), str(DEFAULT_HISTORY))
    if not (text.isascii() and text.isdigit() and len(text) < 8 and int(text) <= most):
        more = f"; GET /kpi/{{code}} has up to {MAX_HISTORY}" if most < MAX_HISTORY else ""
        raise InvalidParameterError(f"history must be a whole number from 0 to {most} here{more}")
    return int(text)


def end(request: Request) -> int | None:
    """Return the instant before which the history ends, in seconds; None for the newest."""
    text = _first(request.args.getlist("end"), "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or moment.microsecond:
            raise ValueError
        seconds = int(moment.timestamp())
    except (ValueError, OverflowError):
        seconds = None
    if seconds is None or not _EARLIEST <= seconds <= _LATEST:
        raise InvalidParameterError("end must be a time such as 2026-05-04T12:00:00Z") from None
    return seconds


def partial(request: Request) -> bool:
    """Return whether the open bucket is wanted, too."""
    text = _first(request.args.getlist("partial"), "0")
    if text not in ("0", "1"):
        raise InvalidParameterError("partial must be 0 or 1")
    return text == "1"


def cursors(request: Request) -> list[str]:
    """Return the cursors that say where the client stands; Last-Event-ID wins over `cursor=`."""
    last_event_id = _first(request.headers.getlist("Last-Event-ID"), "")
    if last_event_id:
        return [last_event_id]
    return [cursor for cursor in request.args.getlist("cursor") if cursor]


def boards(request: Request) -> list[str]:
    """Return the shared boards of which a stream tells changes, each once."""
    named = list(dict.fromkeys(map(slug, request.args.getlist("board"))))
    if len(named) > MAX_BOARDS:
        raise InvalidParameterError(f"a stream follows up to {MAX_BOARDS} boards")
    return named


def slug(text: str) -> str:
    """Return the name of a board in addresses."""
    if not SLUG.fullmatch(text):
        raise InvalidParameterError(
            "a board's name in addresses has 1 to 60 of a-z 0-9 and -, as in night-shift"
        )
    return text


def _first(values: list[str], default: str) -> str:
    # What Werkzeug's `get` does, which raises and catches an error for what is not there.
    return values[0] if values else default
