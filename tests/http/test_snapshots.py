"""The catalogue and the snapshots over REST."""

from typing import Any

import httpx
import pytest

from tests.http.conftest import NOON, write
from tests.running import Gateway
from tests.stream_client import open_stream
from tests.world import execute


async def get(gateway: Gateway, target: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        return await client.get(target, headers=headers)


async def test_a_snapshot_is_as_the_contract_says(gateway: Gateway) -> None:
    body = (await get(gateway, "/kpi/sales?period=minute&history=3")).json()
    assert body["current"] == {
        "kpi": "sales",
        "period": "minute",
        "bucket": "2026-05-04T11:59:00Z",
        "end": "2026-05-04T12:00:00Z",
        "value": 10.0,
        "points": 1,
        "min": 10.0,
        "max": 10.0,
    }
    assert body["previous"]["value"] == 9.0
    assert body["delta"] == 1.0
    assert [bucket["value"] for bucket in body["history"]] == [8.0, 9.0, 10.0]
    assert body["state"] == {"state": "live", "reason": None, "since": None}
    assert body["cursor"]


async def test_an_incomplete_bucket_is_not_shown(gateway: Gateway) -> None:
    await write(gateway, "sales", NOON - 5, 99.0)
    assert (await get(gateway, "/kpi/sales")).json()["current"]["value"] == 10.0
    await gateway.hand.set(NOON + 30 + gateway.service.settings.grace_seconds - 0.1)
    assert (await get(gateway, "/kpi/sales")).json()["current"]["value"] == 10.0
    await gateway.hand.set(NOON + 30 + gateway.service.settings.grace_seconds)
    assert (await get(gateway, "/kpi/sales")).json()["current"]["value"] == 99.0


async def test_hours_and_days_sum_up_the_minutes(gateway: Gateway) -> None:
    hour = (await get(gateway, "/kpi/sales?period=hour")).json()["current"]
    assert (hour["bucket"], hour["value"], hour["points"]) == ("2026-05-04T11:00:00Z", 5.5, 10)
    assert (await get(gateway, "/kpi/sales?period=day")).json()["current"] is None
    await gateway.hand.set(NOON + 12 * 3600)
    day = (await get(gateway, "/kpi/sales?period=day")).json()["current"]
    assert (day["bucket"], day["value"], day["points"]) == ("2026-05-04T00:00:00Z", 5.5, 10)


async def test_a_gap_has_no_value_and_no_delta(gateway: Gateway) -> None:
    await gateway.hand.set(NOON + 120)
    body = (await get(gateway, "/kpi/sales?history=3")).json()
    assert [bucket["value"] for bucket in body["history"]] == [10.0, None, None]
    assert (body["current"]["value"], body["delta"]) == (None, None)
    assert body["state"]["reason"] == "no new rows"


async def test_it_has_a_validator(gateway: Gateway) -> None:
    first = await get(gateway, "/kpi/sales")
    same = await get(gateway, "/kpi/sales", **{"If-None-Match": first.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    await write(gateway, "sales", NOON - 90, 99.0)
    changed = await get(gateway, "/kpi/sales", **{"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200


async def test_a_long_history_is_the_same_while_the_channel_is_live(gateway: Gateway) -> None:
    for minute in range(130, 300, 10):
        await write(gateway, "sales", NOON - 60 * minute, minute)
    before = (await get(gateway, "/kpi/sales?history=300")).json()
    async with open_stream(gateway.port, "/kpi/sales/stream") as stream:
        await stream.event("snapshot")
        assert (await get(gateway, "/kpi/sales?history=300")).json() == before
    assert len(before["history"]) == 290


async def test_the_catalogue_lists_what_is_described_and_what_has_data(gateway: Gateway) -> None:
    await execute(
        gateway.database,
        "INSERT INTO kpi_catalog (code, name, unit, decimals, direction, target)"
        " VALUES ('stock', 'Stock', 'pcs', 0, 'down', 40)",
    )
    kpis: list[dict[str, Any]] = (await get(gateway, "/kpi")).json()["kpis"]
    assert [kpi["code"] for kpi in kpis] == ["sales", "stock"]
    assert kpis[0]["name"] == "sales"
    assert kpis[1] == {
        "code": "stock",
        "name": "Stock",
        "unit": "pcs",
        "decimals": 0,
        "direction": "down",
        "target": 40.0,
        "simulated": False,
        "warning": None,
        "aggregate": "avg",
        "formula": None,
        "group": "",
        "description": "",
        "lower": None,
        "upper": None,
    }
    empty = (await get(gateway, "/kpi/stock")).json()
    assert (empty["current"], empty["history"]) == (None, [])


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/kpi/unheard_of", 404),
        ("/kpi/unheard_of/stream", 404),
        ("/stream?channel=sales:minute&channel=unheard_of:minute", 404),
        ("/kpi/sales?period=year", 422),
        ("/kpi/sales/stream?period=", 422),
        ("/kpi/sales?history=1441", 422),
        ("/kpi/sales?history=-1", 422),
        ("/kpi/sales?history=ten", 422),
        ("/kpi/sales?history=%D9%A1", 422),
        ("/stream", 422),
        ("/stream?channel=sales", 422),
        ("/stream?" + "&".join(f"channel=k{i}:minute" for i in range(257)), 422),
        ("/kpi/a%0Ab", 400),
        ("/kpi/a%0D%0Ab/stream", 400),
        ("/kpi/" + "a" * 65, 400),
        ("/kpi/" + "a" * 65 + "/stream", 400),
        ("/stream?channel=a%0Ab:minute", 400),
        ("/nowhere", 404),
    ],
)
async def test_bad_requests_are_problems(target: str, status: int, gateway: Gateway) -> None:
    answer = await get(gateway, target)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


async def test_probes(gateway: Gateway) -> None:
    assert (await get(gateway, "/livez")).status_code == 200
    assert (await get(gateway, "/readyz")).status_code == 200
    gateway.service.hub.refuse_more()
    assert (await get(gateway, "/readyz")).status_code == 503


async def test_looking_back_before_any_bucket(gateway: Gateway) -> None:
    now = (await get(gateway, "/kpi/sales?history=10")).json()
    starts = [bucket["bucket"] for bucket in now["history"]]
    past = await get(gateway, f"/kpi/sales?history=3&end={starts[6]}")
    body = past.json()
    assert body["history"] == now["history"][3:6]
    assert (body["current"], body["previous"]) == (now["history"][5], now["history"][4])
    assert body["cursor"] == ""
    seen = past.headers["ETag"]
    target = f"/kpi/sales?history=3&end={starts[6]}"
    assert (await get(gateway, target, **{"If-None-Match": seen})).status_code == 304
    # The same instant written otherwise, and one that has not come: what is complete is there.
    other = await get(gateway, f"/kpi/sales?history=3&end={starts[6][:11]}13:56:00%2B02:00")
    assert other.json()["history"] == body["history"]
    tomorrow = await get(gateway, "/kpi/sales?history=2000&end=2026-05-05T12:00:00Z")
    assert tomorrow.status_code == 422
    tomorrow = await get(gateway, "/kpi/sales?history=1440&end=2026-05-05T12:00:00Z")
    assert tomorrow.json()["history"] == []
    long_ago = await get(gateway, "/kpi/sales?history=5&end=1950-01-01T00:00:00Z")
    assert (long_ago.json()["history"], long_ago.json()["current"]) == ([], None)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("2026-05-04T11:55:30Z", "start of a minute bucket, such as 2026-05-04T11:55:00Z"),
        ("2026-05-04T11:55:00", "a time such as"),
        ("yesterday", "a time such as"),
        ("0001-01-01T00:00:00Z", "a time such as"),
        ("9999-01-01T00:00:00Z", "a time such as"),
    ],
)
async def test_an_end_that_is_none_is_refused(end: str, said: str, gateway: Gateway) -> None:
    answer = await get(gateway, f"/kpi/sales?end={end}")
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


async def test_weeks_and_months_are_made_of_days(gateway: Gateway) -> None:
    await gateway.hand.set(NOON + 40 * 86_400)
    week = (await get(gateway, "/kpi/sales?period=week&history=60")).json()["history"][0]
    assert (week["bucket"], week["end"]) == ("2026-05-04T00:00:00Z", "2026-05-11T00:00:00Z")
    month = (await get(gateway, "/kpi/sales?period=month")).json()["current"]
    assert (month["bucket"], month["end"]) == ("2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z")
    assert (month["value"], month["points"]) == (week["value"], week["points"]) == (5.5, 10)


async def test_a_formula_that_is_wrong_is_refused_with_the_reason(gateway: Gateway) -> None:
    await execute(
        gateway.database,
        "INSERT INTO kpi_catalog (code, formula) VALUES ('odd', 'sum(sales) +'), ('fine', 'sales')",
    )
    answer = await get(gateway, "/kpi/odd")
    assert answer.status_code == 422
    assert "ends too soon" in answer.json()["detail"]
    assert (await get(gateway, "/kpi/fine")).json()["current"]["value"] == 10.0


async def test_the_open_bucket_so_far_is_there_for_those_who_ask(gateway: Gateway) -> None:
    await write(gateway, "sales", NOON - 20, 40.0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        plain = await client.get("/kpi/sales?history=2")
        with_open = await client.get("/kpi/sales?history=2&partial=1")
        assert "partial" not in plain.json()
        partial = with_open.json().pop("partial")
        assert partial["bucket"] == "2026-05-04T12:00:00Z"
        assert (partial["value"], partial["points"]) == (40.0, 1)
        assert partial["until"] == "2026-05-04T12:00:30Z"
        assert {k: v for k, v in with_open.json().items() if k != "partial"} == plain.json()
        assert with_open.headers["ETag"] != plain.headers["ETag"]
        same = {"If-None-Match": with_open.headers["ETag"]}
        assert (await client.get("/kpi/sales?history=2&partial=1", headers=same)).status_code == 304
        nothing = await client.get("/kpi/sales?period=hour&partial=1")
        assert nothing.json()["partial"]["points"] == 1
        assert (await client.get("/kpi/sales?partial=yes")).status_code == 422


async def test_a_stream_has_open_buckets_only_with_partial(gateway: Gateway) -> None:
    await write(gateway, "sales", NOON - 20, 40.0)
    async with open_stream(gateway.port, "/kpi/sales/stream?partial=1") as stream:
        snapshot = await stream.event("snapshot")
        partial = await stream.event("partial")
        assert partial.json()["value"] == 40.0
        assert partial.last_event_id == snapshot.last_event_id


async def test_a_long_catalogue_is_compressed_for_those_who_take_that(gateway: Gateway) -> None:
    await execute(
        gateway.database,
        "INSERT INTO kpi_catalog (code, name) SELECT 'many_' || n, 'One of many KPIs'"
        " FROM generate_series(1, 2000) AS n",
    )
    plain = await get(gateway, "/kpi", **{"Accept-Encoding": "identity"})
    zipped = await get(gateway, "/kpi", **{"Accept-Encoding": "gzip"})
    assert (plain.headers.get("Content-Encoding"), zipped.headers["Content-Encoding"]) == (
        None,
        "gzip",
    )
    assert plain.json() == zipped.json()
    assert int(zipped.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 5
    for answer in (plain, zipped):
        assert answer.headers["Vary"] == "Accept-Encoding"
        encoding = "gzip" if answer is zipped else "identity"
        asked = {"Accept-Encoding": encoding, "If-None-Match": answer.headers["ETag"]}
        assert (await get(gateway, "/kpi", **asked)).status_code == 304
    assert plain.headers["ETag"] != zipped.headers["ETag"]
    short = await get(gateway, "/kpi/sales", **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in short.headers
