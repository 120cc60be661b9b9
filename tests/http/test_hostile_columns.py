"""No string breaks out of the database's own columns: ten thousand of each in `make soak`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import httpx
import pytest

from app.data import catalogue
from app.models import CODE_PATTERN
from tests.http.conftest import NOON, write
from tests.http.hostile import strings
from tests.http.test_hostile_strings import clean_log
from tests.running import Gateway
from tests.soaking import sized
from tests.sse_reader import Reader
from tests.stream_client import open_stream
from tests.world import execute, step

pytestmark = pytest.mark.slow

TEXTS = [text for text in strings() if "\0" not in text][:: sized(50, soak=1)]
"""Those that PostgreSQL can hold."""

MOST_BOARDS = 1000
CODES = """
CREATE TABLE foreign_codes AS SELECT unnest($1::text[]) AS kpi_code;
"""
VIEWS = "".join(
    f"DROP VIEW IF EXISTS kpi_values_{period} CASCADE; CREATE VIEW kpi_values_{period} AS"
    f" SELECT date_trunc('{period}', now()) - g * INTERVAL '1 {period}' AS bucket, kpi_code,"
    " 1.5::float AS avg_value FROM foreign_codes, generate_series(1, 3) AS g;"
    for period in ("minute", "hour", "day")
)


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}", timeout=30) as opened:
        yield opened


@pytest.mark.soak
async def test_no_name_or_unit_breaks_out(gateway: Gateway, client: httpx.AsyncClient) -> None:
    await execute(
        gateway.database,
        "INSERT INTO kpi_catalog (code, name, unit, group_name, description)"
        " SELECT 'kpi' || n, t, t, t, t FROM unnest($1::text[]) WITH ORDINALITY AS _(t, n)",
        TEXTS,
    )
    with clean_log():
        answer = await client.get("/kpi")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    found = {kpi["code"]: kpi for kpi in answer.json()["kpis"]}
    for number, text in enumerate(TEXTS, start=1):
        kpi = found[f"kpi{number}"]
        assert kpi["name"] == (text or f"kpi{number}")
        assert (kpi["unit"], kpi["group"], kpi["description"]) == (text, text, text)


@pytest.mark.soak
@pytest.mark.timeout(sized(120, soak=3600))
async def test_no_formula_breaks_out(
    gateway: Gateway, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with a formula is said in a problem, and to a stream as well."""
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", 0.0)
    texts = [text for text in TEXTS if 0 < len(text) <= 1000]
    await execute(
        gateway.database,
        "INSERT INTO kpi_catalog (code, formula)"
        " SELECT 'kpi' || n, t FROM unnest($1::text[]) WITH ORDINALITY AS _(t, n)",
        texts,
    )
    await client.get("/kpi")
    with clean_log():
        for number in range(1, len(texts) + 1):
            answer = await client.get(f"/kpi/kpi{number}")
            assert answer.status_code in (200, 422)
            stream = await client.head(f"/kpi/kpi{number}/stream")
            assert stream.status_code == answer.status_code
            if answer.status_code == 422:
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["status"] == 422


@pytest.mark.soak
async def test_no_column_of_a_board_breaks_out(gateway: Gateway, client: httpx.AsyncClient) -> None:
    for first in range(0, len(TEXTS), MOST_BOARDS):
        texts = TEXTS[first : first + MOST_BOARDS]
        await execute(gateway.database, "DELETE FROM kpi_boards")
        await execute(
            gateway.database,
            "INSERT INTO kpi_boards (slug, version, name, definition, updated_by)"
            " SELECT 's' || n, 1, t, jsonb_build_object('tiles', jsonb_build_array(t)), t"
            " FROM unnest($1::text[]) WITH ORDINALITY AS _(t, n)",
            texts,
        )
        listed = {board["slug"]: board for board in (await client.get("/boards")).json()["boards"]}
        for number, text in enumerate(texts, start=1):
            board = listed[f"s{number}"]
            assert (board["name"], board["updated_by"]) == (text, text)
            whole = (await client.get(f"/boards/s{number}")).json()
            assert whole["definition"] == {"tiles": [text]}


@pytest.mark.soak
@pytest.mark.timeout(sized(120, soak=3600))
async def test_no_board_that_is_written_breaks_out(
    gateway: Gateway, client: httpx.AsyncClient
) -> None:
    texts = [text for text in TEXTS if 0 < len(text.strip()) <= 60]
    target = "/stream?channel=sales:minute&board=hostile"
    async with open_stream(gateway.port, target) as stream:
        await stream.event("snapshot")
        version = None
        for text in texts:
            headers = {"If-None-Match": "*"} if version is None else {"If-Match": version}
            body = {"name": text, "definition": {"tiles": [{"note": text}]}}
            answer = await client.put("/boards/hostile", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
            version = answer.headers["etag"]
            board = (await client.get("/boards/hostile")).json()
            assert board["name"] == text.strip()
            assert board["definition"] == body["definition"]
            told = await stream.event("board")
            assert told.json() == {"slug": "hostile", "version": int(version.strip('"'))}


@pytest.mark.soak
@pytest.mark.parametrize("column", ["kpi_code", "timestamp", "value"])
@pytest.mark.timeout(sized(120, soak=3600))
async def test_no_row_that_is_sent_breaks_out(client: httpx.AsyncClient, column: str) -> None:
    good = {"kpi_code": "new", "timestamp": "2026-05-04T12:00:00Z", "value": 1}
    with clean_log():
        for text in TEXTS:
            answer = await client.post("/values", json=good | {column: text})
            assert answer.status_code in (200, 422)
            line = f"timestamp,kpi_code,value\n{','.join(quoted({**good, column: text}))}\n"
            answer = await client.post("/values", content=line.encode())
            assert answer.status_code in (200, 422)


def quoted(row: dict[str, object]) -> Sequence[str]:
    names = ("timestamp", "kpi_code", "value")
    return ['"' + str(row[name]).replace('"', '""') + '"' for name in names]


@pytest.mark.soak
async def test_no_code_of_other_peoples_views_breaks_out(
    gateway: Gateway, client: httpx.AsyncClient
) -> None:
    """Views of one's own may hold any code: what no URL can have is left out, and harms nobody."""
    await execute(gateway.database, CODES.replace("$1", "ARRAY['placeholder']"))
    await execute(gateway.database, "INSERT INTO foreign_codes SELECT unnest($1::text[])", TEXTS)
    await execute(gateway.database, VIEWS)
    with clean_log():
        listed = {kpi["code"] for kpi in (await client.get("/kpi")).json()["kpis"]}
        assert listed >= {"placeholder"} | {t for t in TEXTS if CODE_PATTERN.fullmatch(t)}
        assert all(map(CODE_PATTERN.fullmatch, listed))
        async with open_stream(gateway.port, "/kpi/placeholder/stream") as stream:
            assert (await stream.event()).json()["current"]["value"] == 1.5


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
