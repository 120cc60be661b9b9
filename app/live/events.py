"""What the contract puts on the wire: buckets, snapshots and states as JSON, events as SSE blocks.

A *field block* is an event without the blank line that dispatches it (WHATWG HTML, 9.2.5 and
9.2.6), so that an `id:` can be added to the last event of a burst without encoding it again.
"""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from ..grid import Grid
from ..models import Bucket, CatalogueEntry, Channel, Target
from .health import Health
from .series import Change

Json = dict[str, Any]


@lru_cache(maxsize=8192)
def timestamp(at_seconds: float) -> str:
    """Return an instant as RFC 3339 in UTC, to the millisecond where it is no whole second."""
    moment = datetime.fromtimestamp(at_seconds, UTC)
    precision = "seconds" if float(at_seconds).is_integer() else "milliseconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def dumps(value: Any) -> bytes:
    """Return a value as JSON in UTF-8, on one line."""
    return orjson.dumps(value)


class Encoded(NamedTuple):
    """JSON in UTF-8 and a strong validator of it (RFC 9110, 8.8.1), without its quotes."""

    body: bytes
    etag: str


def encode(value: Any) -> Encoded:
    """Return a value as JSON with its validator."""
    body = dumps(value)
    return Encoded(body, _validator(body))


def _validator(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=12).hexdigest()


class View(NamedTuple):
    """A channel as it was at one moment: what it is told of can be encoded later.

    `buckets` are oldest first and without a hole; `cursor` is that of a listener that has them all.
    """

    channel: Channel
    grid: Grid
    buckets: list[Bucket]
    health: Health
    cursor: str
    target: Target | None = None


def health_json(health: Health) -> Json:
    """Return the `state` of a snapshot."""
    since = None if health.since is None else timestamp(round(health.since, 3))
    return {"state": health.state, "reason": health.reason, "since": since}


def bucket_json(channel: Channel, grid: Grid, bucket: Bucket, target: Target | None = None) -> Json:
    """Return a bucket on the wire, with its status where the KPI has a target."""
    data: Json = {
        "kpi": channel.code,
        "period": channel.period.value,
        "bucket": timestamp(bucket.start),
        "end": timestamp(grid.next(bucket.start)),
        "value": bucket.value,
        "points": bucket.points,
        "min": bucket.minimum,
        "max": bucket.maximum,
    }
    if target is not None:
        data["status"] = target.status(bucket.value)
    return data


def delta(current: Bucket | None, previous: Bucket | None) -> float | None:
    """Return how far the value moved from the bucket before; None where either has no value."""
    if current is None or previous is None or current.value is None or previous.value is None:
        return None
    return current.value - previous.value


def value_json(
    channel: Channel,
    grid: Grid,
    bucket: Bucket,
    previous: Bucket | None,
    target: Target | None = None,
) -> Json:
    """Return the data of a `value` event: the bucket, the one just before it, and the delta."""
    data = bucket_json(channel, grid, bucket, target)
    data["previous"] = None if previous is None else bucket_json(channel, grid, previous, target)
    data["delta"] = delta(bucket, previous)
    return data


def snapshot(view: View, history: int, *, whole: bool = False) -> Encoded:
    """Return a snapshot: the newest bucket, the one before, and up to `history` in all.

    Gaps before the first value are left out: they say no more than that the KPI is younger, or was
    silent, then. Not so if it is to be `whole`: whoever merges it may hold a value where there is
    a gap now.
    """
    channel, grid, buckets, health, cursor, target = view

    def on_wire(bucket: Bucket) -> Json:
        return bucket_json(channel, grid, bucket, target)

    first = max(0, len(buckets) - history)
    while not whole and first < len(buckets) and buckets[first].value is None:
        first += 1
    known = any(bucket.value is not None for bucket in buckets)
    current = buckets[-1] if buckets and known else None
    previous = buckets[-2] if len(buckets) > 1 and known else None
    data = {
        "kpi": channel.code,
        "period": channel.period.value,
        "current": None if current is None else on_wire(current),
        "previous": None if previous is None else on_wire(previous),
        "delta": delta(current, previous),
        "history": [on_wire(bucket) for bucket in buckets[first:]],
        "state": health_json(health),
        "cursor": cursor,
    }
    return encode(data)


def change(
    channel: Channel,
    grid: Grid,
    kind: Change,
    bucket: Bucket,
    previous: Bucket | None,
    target: Target | None = None,
) -> bytes:
    """Return a `value`, `gap` or `correction`; a value says what the bucket before it was."""
    if kind is Change.VALUE:
        data = value_json(channel, grid, bucket, previous, target)
    else:
        data = bucket_json(channel, grid, bucket, target)
    return fields(kind, dumps(data))


def partial_json(
    channel: Channel, grid: Grid, bucket: Bucket, now_seconds: float, target: Target | None
) -> Json:
    """Return an open bucket so far, up to `until`, the time at the database."""
    until = min(now_seconds, grid.next(bucket.start))
    return bucket_json(channel, grid, bucket, target) | {"until": timestamp(round(until, 3))}


def with_partial(snapshot: Encoded, partial: Json | None) -> Encoded:
    """Return a snapshot that also says what its open bucket holds so far, if anything."""
    body = b'%b,"partial":%b}' % (snapshot.body[:-1], dumps(partial))
    return Encoded(body, _validator(body))


def status(channel: Channel, health: Health) -> bytes:
    """Return the `status` event of a channel."""
    return fields("status", dumps(_named(channel) | health_json(health)))


def reset(channel: Channel, reason: str) -> bytes:
    """Return the `reset` event of a channel, before a snapshot."""
    return fields("reset", dumps(_named(channel) | {"reason": reason}))


def end(reason: str) -> bytes:
    """Return an `end`: the stream is about to be closed for good."""
    return fields("end", dumps({"reason": reason}))


def board(slug: str, version: int) -> bytes:
    """Return a `board`: somebody has changed it, and it has this version now."""
    return fields("board", dumps({"slug": slug, "version": version}))


def ping(now_seconds: float, version: str = "") -> bytes:
    """Return a `ping` with the server's time, and the version of the page that it has."""
    return fields("ping", dumps({"time": timestamp(round(now_seconds, 3)), "version": version}))


def _named(channel: Channel) -> Json:
    return {"kpi": channel.code, "period": channel.period.value}


def catalogue_json(entry: CatalogueEntry) -> Json:
    """Return one KPI of the catalogue."""
    return {
        "code": entry.code,
        "name": entry.name,
        "unit": entry.unit,
        "decimals": entry.decimals,
        "direction": entry.direction,
        "target": entry.target,
        "simulated": entry.simulated,
        "warning": entry.warning,
        "aggregate": None if entry.formula else entry.aggregate,
        "formula": entry.formula,
        "group": entry.group,
        "description": entry.description,
        "lower": entry.lower,
        "upper": entry.upper,
    }


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


def retry(milliseconds: tuple[int, int]) -> bytes:
    """Return the block that tells a client how long to wait before it connects again.

    The time is from a range, at random, so that those who lost their streams together come spread.
    """
    return b"retry: %d\n\n" % random.randint(*milliseconds)  # noqa: S311
