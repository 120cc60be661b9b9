"""Property: whatever is written, changed and deleted, each view is what SQL over raw rows says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from app.data import schema
from app.data.database import Database
from app.settings import Settings
from tests.backends import both_backends, settle
from tests.world import execute, fetch

pytestmark = pytest.mark.slow

# Around midnight of the day on which clocks are put forward, in Europe; and a quiet day before.
STARTS = [
    datetime(2025, 3, 29, 22, 58, tzinfo=UTC),
    datetime(2025, 3, 30, 0, 59, tzinfo=UTC),
    datetime(2025, 3, 30, 21, 59, tzinfo=UTC),
    datetime(2025, 3, 28, 18, 29, tzinfo=UTC),
]
CODES = ["a", "b"]

magnitudes = st.floats(min_value=1e-290, max_value=1e290, allow_subnormal=False)
ordinary = st.floats(min_value=0.001, max_value=1e6)
values = st.one_of(
    st.just(0.0),
    st.just(0.1),
    st.builds(lambda size, sign: size * sign, ordinary, st.sampled_from([1.0, -1.0])),
    st.builds(lambda size, sign: size * sign, magnitudes, st.sampled_from([1.0, -1.0])),
)
times = st.builds(
    lambda start, seconds: start + timedelta(seconds=seconds),
    st.sampled_from(STARTS),
    st.integers(0, 240).map(lambda half: half / 2),
)


@dataclass(frozen=True)
class Write:
    """A burst of rows; duplicates of a timestamp are welcome."""

    rows: list[tuple[datetime, str, float]]


@dataclass(frozen=True)
class Change:
    """All rows of a KPI in a stretch of time get another value, or go when there is none."""

    code: str
    first: datetime
    length: timedelta
    value: float | None


@dataclass(frozen=True)
class Refresh:
    """What TimescaleDB's jobs do each minute."""


steps = st.lists(
    st.one_of(
        st.builds(
            Write,
            st.lists(st.tuples(times, st.sampled_from(CODES), values), min_size=1, max_size=12),
        ),
        st.builds(
            Change,
            st.sampled_from(CODES),
            times,
            st.sampled_from([timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=8)]),
            st.one_of(st.none(), values),
        ),
        st.builds(Refresh),
    ),
    min_size=1,
    max_size=8,
)

DIFFERENCES = """
SELECT * FROM (
    SELECT '{period}' AS period, bucket, kpi_code, avg_value, data_points, min_value, max_value,
        sum_value
    FROM kpi_values_{period}
) AS said
FULL JOIN (
    SELECT
        date_trunc('{period}', "timestamp", $1) AS bucket, kpi_code,
        (sum(value::text::numeric) / count(*))::double precision AS avg_value,
        count(*) AS data_points, min(value) AS min_value, max(value) AS max_value,
        sum(value::text::numeric) AS sum_value
    FROM kpi_raw_data
    GROUP BY 1, 2
) AS wanted USING (bucket, kpi_code, avg_value, data_points, min_value, max_value, sum_value)
WHERE said.period IS NULL OR wanted.data_points IS NULL
"""


async def take(database: Database, step: Any) -> None:
    match step:
        case Write(rows):
            async with database.connection() as connection:
                await connection.copy_records_to_table("kpi_raw_data", records=rows)
        case Change(code, first, length, None):
            await execute(
                database,
                "DELETE FROM kpi_raw_data "
                "WHERE kpi_code = $1 AND timestamp >= $2 AND timestamp < $3",
                code,
                first,
                first + length,
            )
        case Change(code, first, length, value):
            await execute(
                database,
                "UPDATE kpi_raw_data SET value = $4 "
                "WHERE kpi_code = $1 AND timestamp >= $2 AND timestamp < $3",
                code,
                first,
                first + length,
                value,
            )


@pytest.fixture
async def zoned(database: Database, settings: Settings, zone: str) -> Settings:
    changed = settings.model_copy(update={"timezone": zone})
    await schema.init(database, changed)
    return changed


@both_backends
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata"])
@hypothesis.settings(
    max_examples=20,
    deadline=None,
    # Each example asks a database: making a failure smaller would take longer than a test may.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(done=steps)
async def test_each_view_is_what_sql_over_the_raw_rows_says(
    zone: str, database: Database, zoned: Settings, done: list[Any]
) -> None:
    await execute(database, "DELETE FROM kpi_raw_data")
    for step in [*done, Refresh()]:
        if isinstance(step, Refresh):
            await settle(database, zoned)
        await take(database, step)
    for period in ("minute", "hour", "day"):
        sql = DIFFERENCES.replace("{period}", period)
        assert await fetch(database, sql, zone if period == "day" else "UTC") == []
