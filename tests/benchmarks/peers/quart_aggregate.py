"""A snapshot as everybody writes it first: Quart that reads the aggregate on each request."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import asyncpg
from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart, current_app

READ = """
SELECT bucket, avg_value, data_points, min_value, max_value FROM kpi_values_hour
WHERE kpi_code = $1 AND bucket < date_trunc('hour', now()) ORDER BY bucket DESC LIMIT 60
"""


def create_app(database_url: str) -> Quart:
    app = Quart(__name__)

    async def open_pool() -> None:
        current_app.config["POOL"] = await asyncpg.create_pool(database_url, min_size=4, max_size=4)

    async def snapshot(code: str) -> dict[str, Any]:
        rows = await current_app.config["POOL"].fetch(READ, code)
        history = [
            {
                "kpi": code,
                "bucket": row["bucket"].isoformat(),
                "value": row["avg_value"],
                "points": row["data_points"],
                "min": row["min_value"],
                "max": row["max_value"],
            }
            for row in reversed(rows)
        ]
        return {"kpi": code, "history": history}

    app.before_serving(open_pool)
    app.add_url_rule("/kpi/<code>", view_func=snapshot)
    return app


if __name__ == "__main__":
    config = Config()
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    config.backlog = 4096
    config.keep_alive_max_requests = 2**31
    config.graceful_timeout = 1.0
    asyncio.run(serve(create_app(sys.argv[2]), config))
