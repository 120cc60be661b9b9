"""Server-Sent Events as bytes, from the WHATWG text (HTML, 9.2.5 and 9.2.6); pure encoding.

A *field block* here is an event without the blank line that dispatches it, so that an `id:` can be
added to the last event of a burst without encoding that event again.
"""

from __future__ import annotations


def fields(event: str, data: bytes) -> bytes:
    """Return the field block of one event; each line of `data` becomes a field of its own."""
    if b"\n" not in data and b"\r" not in data:
        return b"event: %b\ndata: %b\n" % (event.encode(), data)
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return b"event: " + event.encode() + b"".join(b"\ndata: " + line for line in lines) + b"\n"


def burst(blocks: list[bytes], cursor: str | None = None) -> bytes:
    """Join field blocks into dispatched events, the last of which carries `cursor` as its id.

    A client that has dispatched the last event has dispatched all before it, so one id stands for
    the whole burst; a client cut off in the middle keeps the id of the burst before.
    """
    joined = b"\n".join(blocks)
    if cursor is not None:
        joined += b"id: " + cursor.encode() + b"\n"
    return joined + b"\n"


def retry(milliseconds: int) -> bytes:
    """Return the block that tells the client how long to wait before it connects again."""
    return b"retry: %d\n\n" % milliseconds
