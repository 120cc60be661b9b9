"""What the three views should say: SQL over the raw rows, with days as the grid has them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from app.data.database import Database
from app.grid import Grid
from app.models import STORED_PERIODS
from tests.world import fetch

SAID = """
SELECT bucket, kpi_code, avg_value, data_points, min_value, max_value, sum_value, last_value
FROM {view}
"""

TRUTH = """
SELECT b.bucket, kpi_code, (sum(value::text::numeric) / count(*))::double precision, count(*),
    min(value), max(value), sum(value::text::numeric),
    (array_agg(value ORDER BY "timestamp" DESC, value DESC))[1]
FROM unnest($1::timestamptz[], $2::timestamptz[]) AS b (bucket, until)
JOIN kpi_raw_data ON "timestamp" >= b.bucket AND "timestamp" < b.until
GROUP BY 1, 2
"""


async def untrue(database: Database, zone: str = "UTC") -> list[tuple[object, ...]]:
    """Return each row that a view has and should not have, or the other way round."""
    wrong: list[tuple[object, ...]] = []
    times = await fetch(
        database, 'SELECT DISTINCT extract(epoch FROM "timestamp")::float8 FROM kpi_raw_data'
    )
    for period in STORED_PERIODS:
        grid = Grid(period, ZoneInfo(zone))
        starts = sorted({grid.start(grid.index(row[0])) for row in times})
        said = SAID.format(view=f"kpi_values_{period}")
        rows = await fetch(
            database,
            f"WITH truth AS ({TRUTH}), said AS ({said}) "
            "SELECT 'said', * FROM (TABLE said EXCEPT ALL TABLE truth) AS a "
            "UNION ALL SELECT 'true', * FROM (TABLE truth EXCEPT ALL TABLE said) AS b",
            [datetime.fromtimestamp(start, UTC) for start in starts],
            [datetime.fromtimestamp(grid.next(start), UTC) for start in starts],
        )
        wrong += [(period.value, *row) for row in rows]
    return wrong
