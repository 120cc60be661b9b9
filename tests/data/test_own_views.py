"""Views and catalogues that somebody else made: what is read of them, and what they cannot say."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from app.data import repository as module
from app.data import schema
from app.data.database import Database
from app.data.repository import Repository
from app.errors import ConfigurationError
from app.models import STORED_PERIODS, CatalogueEntry, Channel, Period
from app.settings import Settings
from tests.data.test_repository import NOON, write
from tests.world import execute

ORIGINAL = """
CREATE VIEW kpi_values_{period} AS SELECT * FROM (VALUES
    ('{first}'::timestamptz, 'orders', 1.5::numeric), ('{second}', 'orders', 2.5),
    ('{second}', 'returns', 'NaN')
) AS v (bucket, kpi_code, avg_value)
"""


async def test_views_of_the_original_shape(empty_url: str) -> None:
    settings = Settings(database_url=SecretStr(empty_url), timezone="Asia/Kolkata")
    async with Database(settings) as database:
        with pytest.raises(ConfigurationError, match="no view kpi_values_minute"):
            await Repository(database, settings).verify()
        for period, first, second in (
            (Period.MINUTE, "2024-05-04T12:00Z", "2024-05-04T12:01Z"),
            (Period.HOUR, "2024-05-04T12:00Z", "2024-05-04T13:00Z"),
            (Period.DAY, "2024-05-04T00:00+05:30", "2024-05-05T00:00+05:30"),
        ):
            await execute(
                database,
                ORIGINAL.replace("{period}", period)
                .replace("{first}", first)
                .replace("{second}", second),
            )
        repository = Repository(database, settings)
        await repository.verify()
        for period in STORED_PERIODS:
            reading = await repository.since(period, {"orders": 0, "returns": 0})
            assert [(code, *bucket[1:5]) for code, bucket in reading.rows] == [
                ("orders", 1.5, None, None, None),
                ("orders", 2.5, None, None, None),
                ("returns", None, None, None, None),
            ]
        assert await repository.catalogue() == [
            CatalogueEntry("orders", "orders"),
            CatalogueEntry("returns", "returns"),
        ]
        await schema.init(database, settings)
        await repository.verify()
        assert len(await repository.catalogue()) == 2, "init leaves such views alone"


async def test_views_that_are_made_anew_are_looked_at_anew(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FITTED_SECONDS", 0.0)
    settings = Settings(database_url=SecretStr(empty_url))
    bare = ORIGINAL.replace("{first}", "2024-05-04").replace("{second}", "2024-05-05")
    async with Database(settings) as database:
        for period in STORED_PERIODS:
            await execute(database, bare.replace("{period}", period))
        repository = Repository(database, settings)
        before = await repository.since(Period.DAY, {"orders": 0})
        assert [bucket.points for _, bucket in before.rows] == [None, None]
        await execute(database, "DROP VIEW kpi_values_minute, kpi_values_hour, kpi_values_day")
        with pytest.raises(ConfigurationError, match="run kpi-stream db init"):
            await repository.since(Period.DAY, {"orders": 0})
        await schema.init(database, settings)
        await write(database, (NOON, "orders", 3.0))
        after = await repository.since(Period.DAY, {"orders": 0})
        assert [bucket.points for _, bucket in after.rows] == [1]


async def test_what_views_cannot_say_is_refused_in_a_sentence(empty_url: str) -> None:
    settings = Settings(database_url=SecretStr(empty_url))
    bare = ORIGINAL.replace("{first}", "2024-05-04").replace("{second}", "2024-05-05")
    async with Database(settings) as database:
        for period in STORED_PERIODS:
            await execute(database, bare.replace("{period}", period))
        await schema.init(database, settings)
        await execute(
            database,
            "INSERT INTO kpi_catalog (code, aggregate, formula) VALUES ('total', 'sum', NULL),"
            " ('newest', 'last', NULL), ('share', 'avg', 'min(orders)'),"
            " ('twice', 'avg', '2*orders')",
        )
        repository = Repository(database, settings)
        said = {
            "orders:minute": None,
            "twice:minute": None,
            "orders:5min": "the period 5min is computed from kpi_values_minute, which has no",
            "total:hour": "kpi_values_hour has no column data_points, so there is no sum",
            "newest:day": "kpi_values_day has no column last_value, so there is no last",
            "share:minute": "kpi_values_minute has no column min_value, so there is no min",
        }
        for channel, reason in said.items():
            answer = await repository.lacking(Channel.parse(channel))
            assert (answer or "").startswith(reason or ""), channel
            assert (answer is None) == (reason is None), channel
        reading = await repository.since(Period.DAY, {"twice": 0})
        assert [bucket.value for _, bucket in reading.rows] == [3.0, 5.0]


async def test_a_catalogue_of_ones_own(empty_url: str) -> None:
    settings = Settings(database_url=SecretStr(empty_url))
    async with Database(settings) as database:
        await execute(database, "CREATE TABLE kpi_catalog (code text, unit text, owner text)")
        await execute(database, "INSERT INTO kpi_catalog VALUES ('a', 'kg', 'me')")
        await schema.init(database, settings)
        repository = Repository(database, settings)
        assert await repository.catalogue() == [CatalogueEntry("a", "a", "kg")]
