"""Writing rows over HTTP: all of a request or nothing, and once for each key."""

from __future__ import annotations

import asyncio
import json
import time

import httpx
import pytest

from tests.running import Gateway
from tests.world import execute, fetch

ROWS = "SELECT kpi_code, value FROM kpi_raw_data WHERE kpi_code LIKE 'new%' ORDER BY 1, 2"


async def post(gateway: Gateway, target: str, body: str | bytes, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        return await client.post(target, content=body, headers=headers)


async def written(gateway: Gateway) -> list[tuple[str, float]]:
    return [(row[0], row[1]) for row in await fetch(gateway.database, ROWS)]


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/values", "2026-05-04T11:00:00Z,new,1\n2026-05-04T13:00:00+02:00,new2,2.5\n"),
        ("/values", "value,kpi_code\n1,new\n2.5,new2\n"),
        ("/values", '{"kpi_code": "new", "value": 1}\r\n\n{"kpi_code": "new2", "value": 2.5}'),
        ("/kpi/new/values", "2026-05-04T11:00:00Z,1\n"),
        ("/kpi/new/values", "1"),
        ("/kpi/new/values", '\ufeff{"value": 1, "timestamp": "2026-05-04T11:00:00Z"}'),
        ("/kpi/new/values", "timestamp,kpi_code,value\n2026-05-04T11:00:00Z,new,1\n"),
    ],
)
async def test_rows_come_as_json_lines_or_csv(gateway: Gateway, target: str, body: str) -> None:
    answer = await post(gateway, target, body.encode())
    assert answer.status_code == 200, answer.text
    rows = await written(gateway)
    assert rows == [("new", 1.0), ("new2", 2.5)][: answer.json()["rows"]]
    assert rows


@pytest.mark.parametrize(
    ("target", "body", "said"),
    [
        ("/values", "2026-05-04T11:00:00Z,new,1\n2026-05-04T11:00:00Z,new,much\n", "line 2: the v"),
        ("/values", "2026-05-04T11:00:00,new,1", "no offset from UTC"),
        ("/values", "2026-05-04T11:00:00Z,1", "2 fields where timestamp,kpi_code,value"),
        ("/values", "a,b,value\n1,2,3", "'a' is none of"),
        ("/values", '{"kpi_code": "new", "value": "1"}', "not a number"),
        ("/values", '{"kpi_code": "new", "value": NaN}', "finite"),
        ("/values", '{"kpi_code": "new", "value": 1, "unit": "kg"}', "'unit' is none of"),
        ("/values", '{"value": 1}', "names no kpi_code"),
        ("/values", '{"kpi_code": "ne w", "value": 1}', "A-Z a-z 0-9"),
        ("/values", '{"kpi_code": "new", "value": 1', "no JSON object"),
        ("/values", "", "there are no rows"),
        ("/kpi/new/values", '{"kpi_code": "old", "value": 1}', "is of old, not of new"),
        ("/kpi/new/values", "\n".join(["x"] * 9), "and 4 more; nothing was written"),
    ],
)
async def test_one_mistake_and_nothing_is_written(
    gateway: Gateway, target: str, body: str, said: str
) -> None:
    answer = await post(gateway, target, body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert await written(gateway) == []


@pytest.mark.parametrize(
    ("line", "times", "said"),
    [
        ("\n", 8_000_000, "up to 100,000 rows"),
        (" \r\n", 2_700_000, "up to 100,000 rows"),
        ("{\n", 4_000_000, "up to 100,000 rows"),
        ("{\n", 300_000, "and many more; nothing was written"),
        ("a\n", 300_000, "and many more; nothing was written"),
        ("\n", 300_000, "there are no rows"),
    ],
)
async def test_lines_that_are_no_rows_cost_no_more_than_rows(
    gateway: Gateway, line: str, times: int, said: str
) -> None:
    """Four million of them took half a minute of a processor, and a GB for what is wrong."""
    begun = time.process_time()
    answer = await post(gateway, "/values", line * times)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert time.process_time() - begun < 2


async def test_a_key_writes_once(gateway: Gateway) -> None:
    body = "2026-05-04T11:00:00Z,7"
    key = {"Idempotency-Key": "batch 1"}
    answers = await asyncio.gather(*(post(gateway, "/kpi/new/values", body, **key) for _ in "abc"))
    assert sorted(answer.json()["repeated"] for answer in answers) == [False, True, True]
    assert {answer.json()["rows"] for answer in answers} == {1}
    other = await post(gateway, "/kpi/new/values", "2026-05-04T11:00:00Z,8", **key)
    assert other.status_code == 422
    assert "was used for other rows" in other.json()["detail"]
    # A request that failed has used nothing up.
    again = {"Idempotency-Key": "batch 2"}
    assert (await post(gateway, "/kpi/new/values", "x", **again)).status_code == 422
    assert not (await post(gateway, "/kpi/new/values", "9", **again)).json()["repeated"]
    assert await written(gateway) == [("new", 7.0), ("new", 9.0)]


async def test_large_bodies_and_other_sites_are_refused(gateway: Gateway) -> None:
    assert (await post(gateway, "/values", b"1" * (9 * 1024 * 1024))).status_code == 413
    foreign = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    assert (await post(gateway, "/kpi/new/values", "1", **foreign)).status_code == 403
    assert await written(gateway) == []


async def test_rows_become_a_bucket(gateway: Gateway) -> None:
    row = json.dumps({"timestamp": "2026-05-04T11:59:30Z", "value": 5})
    await post(gateway, "/kpi/new/values", row)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        await asyncio.sleep(0)
        body = (await client.get("/kpi/new")).json()
    assert body["current"]["value"] == 5.0


async def test_a_database_with_tables_of_its_own_says_so(gateway: Gateway) -> None:
    await execute(gateway.database, "ALTER TABLE kpi_raw_data RENAME TO elsewhere")
    answer = await post(gateway, "/kpi/new/values", "1")
    assert "has no table kpi_raw_data" in answer.json()["detail"]
