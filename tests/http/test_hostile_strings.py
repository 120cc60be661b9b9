"""No string breaks out, from a request or from the database's own columns."""

from __future__ import annotations

import logging
import os
from urllib.parse import quote

import httpx
import pytest

from tests.http.conftest import NOON, write
from tests.http.hostile import strings
from tests.running import Gateway
from tests.sse_reader import Reader
from tests.stream_client import open_stream
from tests.world import fetch, step

ALL = strings()
HOSTILE_PER_PARAMETER = int(os.environ.get("HOSTILE_STRINGS", "300"))
"""Set HOSTILE_STRINGS=10000 for all of them through each parameter."""

PARAMETERS = {
    "code": "/kpi/{}",
    "stream code": "/kpi/{}/stream",
    "period": "/kpi/sales?period={}",
    "history": "/kpi/sales?history={}",
    "end": "/kpi/sales?end={}",
    "channel": "/stream?channel={}",
    "channel code": "/stream?channel={}:minute",
    "board": "/boards/{}",
    "file": "/web/{}",
    "path": "/{}",
}


@pytest.mark.parametrize("name", PARAMETERS)
async def test_no_parameter_breaks_out(
    name: str, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        for text in ALL[:HOSTILE_PER_PARAMETER]:
            answer = await client.get(PARAMETERS[name].format(quote(text[:2000], safe="")))
            assert answer.status_code < 500, text
            assert "set-cookie" not in answer.headers
            assert "x-evil" not in answer.headers
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["status"] == answer.status_code
            else:
                assert answer.headers["content-type"] != "text/html"
    for record in caplog.records:
        if record.name.startswith("app"):
            assert not set(record.getMessage()) & {"\n", "\r", "\x1b", "\0"}


async def test_no_cursor_breaks_out(gateway: Gateway) -> None:
    for text in ALL[:100]:
        target = f"/kpi/sales/stream?cursor={quote(text[:2000], safe='')}"
        async with open_stream(gateway.port, target) as stream:
            first = await stream.event()
            assert first.event == ("reset" if text else "snapshot")
            assert (await stream.event()).event == "snapshot"


async def test_no_name_or_unit_breaks_out(gateway: Gateway) -> None:
    """All strings that PostgreSQL can hold, in the columns that people fill in."""
    texts = [text for text in ALL if "\0" not in text]
    await fetch(
        gateway.database,
        "INSERT INTO kpi_catalog (code, name, unit, group_name, description)"
        " SELECT 'kpi' || n, t, t, t, t FROM unnest($1::text[]) WITH ORDINALITY AS _(t, n)",
        texts,
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        answer = await client.get("/kpi", timeout=30)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    found = {kpi["code"]: kpi for kpi in answer.json()["kpis"]}
    for number, text in enumerate(texts, start=1):
        kpi = found[f"kpi{number}"]
        assert kpi["name"] == (text or f"kpi{number}")
        assert (kpi["unit"], kpi["group"], kpi["description"]) == (text, text, text)


async def test_no_board_breaks_out(gateway: Gateway) -> None:
    texts = [text for text in ALL[:200] if "\0" not in text and 0 < len(text.strip()) <= 60]
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client,
        open_stream(gateway.port, "/stream?channel=sales:minute&board=hostile") as stream,
    ):
        await stream.event("snapshot")
        version = None
        for text in texts[:100]:
            headers = {"If-None-Match": "*"} if version is None else {"If-Match": version}
            body = {"name": text, "definition": {"tiles": [{"note": text}]}}
            answer = await client.put("/boards/hostile", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
            version = answer.headers["etag"]
            board = (await client.get("/boards/hostile")).json()
            assert board["name"] == text.strip()
            assert board["definition"] == body["definition"]
            told = await stream.event("board")
            assert set(told.json()) == {"slug", "version"}


async def test_odd_codes_and_values_of_foreign_writers_stay_in_their_events(
    gateway: Gateway,
) -> None:
    """What the table's own checks let through: the ends of what a double and a code can be."""
    for number, value in enumerate((1e290, -1e290, 1e-290, -0.0, 0.1 + 0.2)):
        await write(gateway, "a.-_." + "x" * 58, NOON - 60 * (number + 1), value)
    target = "/stream?channel=a.-_." + "x" * 58 + ":minute&history=10"
    async with open_stream(gateway.port, target) as stream:
        snapshot = await stream.event("snapshot")
        assert [b["value"] for b in snapshot.json()["history"]] == [
            0.30000000000000004, 0.0, 1e-290, -1e290, 1e290,
        ]  # fmt: skip
        await gateway.hand.set(NOON + 60)
        await step(gateway.service.hub)
        assert (await stream.event()).event in ("gap", "ping")


@pytest.mark.parametrize("text", ["\n\nevent: snapshot\ndata: {}\n\n", "\n\ndata: x\n\n"])
def test_the_reader_would_notice(text: str) -> None:
    """What is not escaped breaks out before the parser of these tests, too."""
    events = list(Reader().feed(b"event: value\ndata: " + text.encode() + b"\n\n"))
    assert [event.event for event in events] != ["value"]
