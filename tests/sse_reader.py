"""A reader of event streams, written from the WHATWG text (HTML, 9.2.6) and used by all tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    event: str
    data: str
    last_event_id: str = ""

    def json(self) -> Any:
        return json.loads(self.data)


class Reader:
    """Takes bytes as they come and gives the events that they dispatch."""

    def __init__(self) -> None:
        self.last_event_id = ""
        self.retry_milliseconds: int | None = None
        self.comments: list[str] = []
        self._buffer = b""
        self._type = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, received: bytes) -> Iterator[Event]:
        self._buffer += received
        *complete, self._buffer = self._buffer.split(b"\n")
        for raw in complete:
            line = raw.removesuffix(b"\r").decode()
            if not line:
                yield from self._dispatch()
            elif line.startswith(":"):
                self.comments.append(line[1:].strip())
            else:
                name, _, value = line.partition(":")
                self._field(name, value.removeprefix(" "))

    def _field(self, name: str, value: str) -> None:
        if name == "event":
            self._type = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isdigit():
            self.retry_milliseconds = int(value)

    def _dispatch(self) -> Iterator[Event]:
        self.last_event_id = self._id
        if self._data:
            yield Event(self._type or "message", "\n".join(self._data), self.last_event_id)
        self._type, self._data = "", []


def read(stream: bytes) -> list[Event]:
    return list(Reader().feed(stream))
