"""Boards that a team shares: versions, conditions, and the event that tells of a change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import orjson
import pytest

from app.live import board_news
from tests.http.conftest import NOON, write
from tests.running import Gateway
from tests.stream_client import Stream, open_stream
from tests.world import execute, step

TILES = {"tiles": [{"code": "sales", "period": "minute"}]}
NEW = {"If-None-Match": "*"}


async def ask(
    gateway: Gateway, method: str, path: str, body: Any = None, **headers: str
) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.request(method, path, json=body, headers=sent)


async def publish(gateway: Gateway, slug: str, name: str = "Hall 2") -> None:
    body = {"name": name, "definition": TILES}
    answer = await ask(gateway, "PUT", f"/boards/{slug}", body, **NEW)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')


async def test_a_board_is_published_listed_and_read(gateway: Gateway) -> None:
    await publish(gateway, "hall-2")
    listed = (await ask(gateway, "GET", "/boards")).json()["boards"]
    assert [(board["slug"], board["name"], board["version"]) for board in listed] == [
        ("hall-2", "Hall 2", 1)
    ]
    board = await ask(gateway, "GET", "/boards/hall-2")
    assert board.headers["etag"] == '"1"'
    assert board.json()["definition"] == TILES
    assert board.json()["updated_at"].endswith("Z")


async def test_of_two_who_change_the_same_version_the_second_is_told(gateway: Gateway) -> None:
    await publish(gateway, "hall-2")
    body = {"name": "Hall 2", "definition": {"tiles": []}}
    first = await ask(gateway, "PUT", "/boards/hall-2", body, If_Match='"1"')
    second = await ask(gateway, "PUT", "/boards/hall-2", body, If_Match='"1"')
    assert (first.status_code, first.json()["version"]) == (200, 2)
    assert second.status_code == 412
    assert "has version 2 by now" in second.json()["detail"]


async def test_of_many_who_change_at_once_one_succeeds(gateway: Gateway) -> None:
    await publish(gateway, "hall-2")
    answers = await asyncio.gather(
        *(
            ask(
                gateway,
                "PUT",
                "/boards/hall-2",
                {"name": f"Hall {n}", "definition": TILES},
                If_Match='"1"',
            )
            for n in range(8)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    versions = (await ask(gateway, "GET", "/boards/hall-2/versions")).json()["versions"]
    assert [board["version"] for board in versions] == [2, 1]


async def test_a_change_without_a_version_is_refused(gateway: Gateway) -> None:
    await publish(gateway, "hall-2")
    body = {"name": "Hall 2", "definition": TILES}
    assert (await ask(gateway, "PUT", "/boards/hall-2", body)).status_code == 428
    assert (await ask(gateway, "DELETE", "/boards/hall-2")).status_code == 428
    assert (await ask(gateway, "PUT", "/boards/hall-2", body, **NEW)).status_code == 412


@pytest.mark.parametrize(
    "tag", ['""', '"", W/")", "x"', "*", "1 2", ",", '"-1"', f'"{"9" * 40}"', 'W/"1"']
)
async def test_an_odd_version_is_none(tag: str, gateway: Gateway) -> None:
    await publish(gateway, "hall-2")
    body = {"name": "Hall 2", "definition": TILES}
    for method, sent in (("PUT", body), ("DELETE", None)):
        answer = await ask(gateway, method, "/boards/hall-2", sent, If_Match=tag)
        assert answer.status_code == 428, answer.text
    assert (await ask(gateway, "GET", "/boards/hall-2")).json()["version"] == 1


async def test_earlier_versions_can_be_read_and_a_deleted_board_comes_back(
    gateway: Gateway,
) -> None:
    await publish(gateway, "hall-2")
    gone = await ask(gateway, "DELETE", "/boards/hall-2", If_Match='"1"')
    assert gone.status_code == 204
    assert (await ask(gateway, "GET", "/boards/hall-2")).status_code == 404
    assert (await ask(gateway, "GET", "/boards")).json()["boards"] == []
    again = {"name": "Hall 2", "definition": {"tiles": []}}
    back = await ask(gateway, "PUT", "/boards/hall-2", again, **NEW)
    assert back.json()["version"] == 3
    earlier = (await ask(gateway, "GET", "/boards/hall-2?version=1")).json()
    assert earlier["definition"] == TILES
    assert (await ask(gateway, "GET", "/boards/hall-2?version=2")).status_code == 404


def nested(depth: int) -> Any:
    """Return lists in lists."""
    made: Any = []
    for _ in range(depth):
        made = [made]
    return made


@pytest.mark.parametrize(
    ("slug", "body", "status"),
    [
        ("Hall_2", {"name": "a", "definition": TILES}, 422),
        ("-", {"name": "a", "definition": TILES}, 422),
        ("x" * 61, {"name": "a", "definition": TILES}, 422),
        ("ok", {"name": "", "definition": TILES}, 422),
        ("ok", {"name": "x" * 61, "definition": TILES}, 422),
        ("ok", {"name": "a", "definition": {"tiles": "none"}}, 422),
        ("ok", {"name": "a", "definition": {"tiles": ["\0"]}}, 422),
        ("ok", ["a"], 422),
        ("ok", {"name": "a", "definition": {"tiles": ["x" * 300_000]}}, 413),
        ("ok", {"name": "a", "definition": {"tiles": nested(300)}}, 422),
        ("ok", {"name": "a", "definition": {"tiles": nested(900)}}, 422),
    ],
)
async def test_what_is_no_board_is_refused_in_words(
    gateway: Gateway, slug: str, body: Any, status: int
) -> None:
    answer = await ask(gateway, "PUT", f"/boards/{slug}", body, **NEW)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.json()["detail"]) > 10


async def test_the_deepest_board_that_is_taken_can_be_read(gateway: Gateway) -> None:
    depth, status = 260, 0
    while status != 200:
        depth -= 1
        body = {"name": "a", "definition": {"tiles": nested(depth)}}
        status = (await ask(gateway, "PUT", "/boards/deep", body, **NEW)).status_code
        assert status in (200, 422)
    assert (await ask(gateway, "GET", "/boards/deep")).json()["definition"] == body["definition"]


async def test_a_database_without_the_table_says_what_to_do(gateway: Gateway) -> None:
    await execute(gateway.database, "DROP TABLE kpi_boards")
    answer = await ask(gateway, "GET", "/boards")
    assert answer.status_code == 501
    assert "kpi-stream db init" in answer.json()["detail"]
    assert (await ask(gateway, "GET", "/kpi")).status_code == 200


async def test_who_follows_a_board_is_told_of_each_change(gateway: Gateway) -> None:
    await publish(gateway, "hall-2")
    await publish(gateway, "other", "Other")
    target = "/stream?channel=sales:minute&board=hall-2"
    async with open_stream(gateway.port, target) as stream:
        await stream.event("snapshot")
        # Whoever has just come is told the version of now: what was read before may be older.
        assert await board_event(stream) == {"slug": "hall-2", "version": 1}
        body = {"name": "Hall 2", "definition": {"tiles": []}}
        await ask(gateway, "PUT", "/boards/other", body, If_Match='"1"')
        await ask(gateway, "PUT", "/boards/hall-2", body, If_Match='"1"')
        assert await board_event(stream) == {"slug": "hall-2", "version": 2}
        # As another process does it.
        await execute(
            gateway.database,
            "INSERT INTO kpi_boards (slug, version, name, definition)"
            " VALUES ('hall-2', 3, 'Hall 2', '{\"tiles\": []}')",
        )
        assert await board_event(stream) == {"slug": "hall-2", "version": 3}


async def test_a_look_that_takes_long_tells_of_no_older_version(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    news, newest = gateway.service.hub.boards, gateway.service.boards.newest
    looked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(slugs: Sequence[str]) -> dict[str, int]:
        found = await newest(slugs)
        looked.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(board_news, "LOOK_SECONDS", 0.05)
    await publish(gateway, "hall-2")
    async with open_stream(gateway.port, "/stream?channel=sales:minute&board=hall-2") as stream:
        assert await board_event(stream) == {"slug": "hall-2", "version": 1}
        monkeypatch.setattr(news, "_newest", slow)
        await looked.wait()
        body = {"name": "Hall 2", "definition": {"tiles": []}}
        await ask(gateway, "PUT", "/boards/hall-2", body, If_Match='"1"')
        assert await board_event(stream) == {"slug": "hall-2", "version": 2}
        go_on.set()
        await ask(gateway, "PUT", "/boards/hall-2", body, If_Match='"2"')
        assert await board_event(stream) == {"slug": "hall-2", "version": 3}


async def board_event(stream: Stream) -> dict[str, Any]:
    told: dict[str, Any] = orjson.loads((await stream.event("board")).data)
    return told


async def test_a_stream_that_follows_no_board_hears_of_none(gateway: Gateway) -> None:
    async with open_stream(gateway.port, "/stream?channel=sales:minute") as stream:
        await stream.event("snapshot")
        await publish(gateway, "hall-2")
        await write(gateway, "sales", NOON, 5.0)
        await gateway.hand.set(NOON + 60)
        await step(gateway.service.hub)
        assert (await stream.event()).event == "value"
