"""Views of other people's over HTTP: what is odd in them is left out, and takes nobody along."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import SecretStr

from app.data.database import Database
from app.settings import Settings
from tests.running import open_gateway
from tests.stream_client import open_stream
from tests.world import execute

ROWS = """
    (VALUES ('good', 1.5::{value}), ('cpu usage', 2::{value}), ('node/cpu', 3::{value}),
        ('größe', 4::{value}), (NULL, 5::{value}), ('empty', NULL::{value})) AS rows (code, value)
"""
NUMBERED = (
    "(VALUES (1, 1.5::{value}), (2, NULL::{value}), (NULL, 3::{value})) AS rows (code, value)"
)
VIEW = """
    CREATE VIEW kpi_values_{period} AS
    SELECT {bucket} AS bucket, code{code} AS kpi_code, value AS avg_value FROM {rows},
        generate_series(1, 5) AS g
"""
BUCKET = "date_trunc('{period}', now(), 'UTC') - g * INTERVAL '1 {period}'"


@asynccontextmanager
async def gateway_on(
    url: str, rows: str, value: str, code: str, bucket: str
) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(database_url=SecretStr(url))
    async with Database(settings) as database:
        for period in ("minute", "hour", "day"):
            await execute(
                database,
                VIEW.format(
                    period=period,
                    rows=rows.format(value=value),
                    code=code,
                    bucket=bucket.format(period=period),
                ),
            )
    async with (
        open_gateway(settings) as opened,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{opened.port}") as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("rows", "value", "code", "bucket", "codes"),
    [
        (ROWS, "double precision", "", BUCKET, ["empty", "good"]),
        (ROWS, "numeric", "::varchar(40)", BUCKET, ["empty", "good"]),
        (ROWS, "real", "::name", BUCKET, ["empty", "good"]),
        (ROWS, "numeric", "", f"({BUCKET}) AT TIME ZONE 'UTC'", ["empty", "good"]),
        (NUMBERED, "numeric", "", BUCKET, ["1", "2"]),
        (NUMBERED, "numeric", "::bigint", BUCKET, ["1", "2"]),
    ],
    ids=["odd codes", "numeric, varchar", "real, name", "timestamp", "integers", "bigints"],
)
async def test_what_is_good_is_served(
    empty_url: str, rows: str, value: str, code: str, bucket: str, codes: list[str]
) -> None:
    async with gateway_on(empty_url, rows, value, code, bucket) as client:
        listed = (await client.get("/kpi")).json()
        assert [entry["code"] for entry in listed["kpis"]] == codes
        for name in codes:
            assert (await client.get(f"/kpi/{name}?history=5")).status_code == 200
        good = "good" if "good" in codes else "1"
        snapshot = (await client.get(f"/kpi/{good}?history=4")).json()
        assert [bucket["value"] for bucket in snapshot["history"]] == [1.5] * 4
        async with open_stream(client.base_url.port or 0, f"/kpi/{good}/stream") as stream:
            assert (await stream.event("snapshot")).json()["current"]["value"] == 1.5


async def test_a_view_that_fails_says_so_and_shows_nothing_of_it(
    empty_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    rows = "(VALUES ('good', 1e400::{value})) AS rows (code, value)"
    async with gateway_on(empty_url, rows, "numeric", "", BUCKET) as client:
        answer = await client.get("/kpi/good?history=4")
        assert answer.status_code in (500, 503)
        assert answer.json()["detail"] == (
            "the database cannot be used as it is; the server's log says why"
        )
        assert "out of range" in caplog.text


async def test_a_role_that_may_read_the_views_alone(settings: Settings) -> None:
    """The project's own views, of which somebody was given the right to read, and of no table."""
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    async with Database(settings) as database:
        await execute(
            database,
            "DO $$ BEGIN CREATE ROLE viewer LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; "
            "END $$; GRANT SELECT ON kpi_values_minute, kpi_values_hour, kpi_values_day TO viewer; "
            "INSERT INTO kpi_raw_data SELECT now() - g * INTERVAL '1 minute', 'good', 1.5 "
            "FROM generate_series(1, 30) AS g",
        )
    viewer = Settings(database_url=SecretStr(url.replace("postgres@", "viewer@")))
    async with (
        open_gateway(viewer) as opened,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{opened.port}") as client,
    ):
        assert [kpi["code"] for kpi in (await client.get("/kpi")).json()["kpis"]] == ["good"]
        assert (await client.get("/kpi/good?history=4")).json()["current"]["value"] == 1.5
        async with open_stream(opened.port, "/kpi/good/stream") as stream:
            assert (await stream.event("snapshot")).json()["current"]["value"] == 1.5
