"""No string breaks out of a request: ten thousand through each parameter in `make soak`."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.http.openapi.paths import PAGES
from tests.access.signing import sign
from tests.described import DOCUMENT, path_of, validate_event
from tests.http.credentials import bearer
from tests.http.hostile import strings
from tests.running import Gateway
from tests.soaking import sized
from tests.sse_reader import Reader

TEXTS = strings()[:: sized(500, soak=1)]
REPORT_EVERY = 50_000

Request = tuple[str, str, dict[str, Any]]
GRANTS = {"kpis": ["*"], "boards": "write", "write": ["*"], "metrics": True}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("post", "/values"): {"content": "value,kpi_code\n1,new"},
    ("post", "/kpi/{code}/values"): {"content": "1"},
    ("put", "/boards/{slug}"): {"json": {"name": "a", "definition": {"tiles": []}}},
}
USUAL = {
    "code": "sales",
    "slug": "lobby",
    "name": "main.js",
    "digest": "0",
    "channel": "sales:hour",
}
OTHERS = ("Authorization", "Cookie", "Host", "Origin", "Sec-Fetch-Site", "Accept-Encoding")
"""Headers that are read as well, and are not described as parameters."""
SENT = {
    "content-type", "content-length", "transfer-encoding", "cache-control", "date", "etag", "vary",
    "server", "allow", "retry-after", "www-authenticate", "x-content-type-options", "location",
    "x-accel-buffering", "content-security-policy", "referrer-policy", "connection",
    "content-encoding",
}  # fmt: skip
"""All headers that an answer may have."""


def described() -> Iterator[tuple[str, str, str, str]]:
    """Yield each parameter of the description, and of the pages: method, path, place, name."""
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", []):
                yield method, path, parameter["in"], parameter["name"]
    for rule in (*PAGES, "/<anything>"):
        path = path_of(rule)
        for name in ("slug", "digest", "name", "anything"):
            if f"{{{name}}}" in path:
                yield "get", path, "path", name
    for name in OTHERS:
        yield "get", "/kpi/{code}", "header", name


def request(method: str, path: str, place: str, name: str, text: str) -> Request:
    """Return a request with a text in one of its parameters."""
    sent = quote(text[:2000], safe="")
    values = USUAL | ({name: sent} if place == "path" else {})
    target = path
    for each, value in values.items():
        target = target.replace(f"{{{each}}}", value)
    target = target.replace("{anything}", sent)
    query = {"channel": USUAL["channel"]} if path == "/stream" else {}
    query |= {name: sent} if place == "query" else {}
    headers = bearer(TOKEN) if name not in ("ticket", "Authorization", "Cookie") else {}
    raw: dict[str, str | bytes] = {**headers}
    if place == "header":
        # What would be two headers is another test's (tests/server/test_hostile.py).
        raw[name] = "".join(each for each in text if each.isprintable()).strip().encode()
    more = BODIES.get((method, path), {})
    url = target + "".join(
        f"{'&' if nr else '?'}{k}={v}" for nr, (k, v) in enumerate(query.items())
    )
    return method, url, {"headers": raw, **more}


TOKEN = sign(GRANTS, exp=2**33)


@contextmanager
def clean_log() -> Iterator[None]:
    """See that nothing that is logged has a line or a terminal's commands in it."""

    class Look(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.extend(set(record.getMessage()) & {"\n", "\r", "\x1b", "\0"})

    found: list[str] = []
    look, logger = Look(), logging.getLogger("app")
    logger.addHandler(look)
    try:
        yield
    finally:
        logger.removeHandler(look)
    assert found == []


@pytest.mark.soak
@pytest.mark.timeout(sized(120, soak=7200))
async def test_no_parameter_breaks_out(guarded: Gateway) -> None:
    counts: Counter[int] = Counter()
    parameters = list(described())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{guarded.port}") as client:
        with clean_log():
            for parameter in parameters:
                for text in TEXTS:
                    counts[await ask(client, *request(*parameter, text))] += 1
                    if counts.total() % REPORT_EVERY == 0:
                        print(f"{counts.total():,} requests", dict(counts), flush=True)
    print(f"{len(TEXTS):,} strings through {len(parameters)} parameters:", dict(counts))
    assert counts[200] > 0
    assert counts[401] > 0


async def ask(client: httpx.AsyncClient, method: str, url: str, more: dict[str, Any]) -> int:
    """Make a request, see that its answer is whole and no other, and return its status."""
    client.cookies.clear()
    async with client.stream(method.upper(), url, **more) as answer:
        headers = answer.headers
        assert answer.status_code < 500, (method, url)
        assert set(headers) <= SENT, (method, url, headers)
        kind = headers.get("content-type", "")
        if kind.startswith("text/event-stream"):
            await read_stream(answer)
        else:
            body = await answer.aread()
            if answer.status_code >= 400:
                assert kind == "application/problem+json"
                assert answer.json()["status"] == answer.status_code
            assert b"<script>alert" not in body or kind.endswith("json")
    return answer.status_code


async def read_stream(answer: httpx.Response) -> None:
    """Read up to the first event, and see that nothing else is there."""
    reader = Reader()
    async for part in answer.aiter_bytes():
        for event in reader.feed(part):
            validate_event(event)
            assert event.event in ("reset", "snapshot", "status", "value", "gap")
            assert 0 < (reader.retry_milliseconds or 0) < 60_000
            assert reader.comments == []
            return
    raise AssertionError("the stream has no event")
