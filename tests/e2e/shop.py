"""A few KPIs with a history, on a database whose clock the test moves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.running import Gateway
from tests.world import at, execute, moment, step

NOON = at("2026-05-04T12:00:30+00:00")
HISTORY_MINUTES = 180
SILENT = range(40, 44)
"""The minutes before noon in which `visitors` had no rows."""

CATALOGUE = (
    ("orders", "Orders packed", "orders", 0, "up", 100.0, False),
    ("cycle_time", "Order cycle time", "h", 1, "down", 24.0, False),
    ("margin", "Margin", "%", 1, "up", None, True),
    ("visitors", "Visitors", "", 0, None, None, True),
    ("returns", "Returns", "%", 2, "down", 3.0, False),
    ("stock", "Stock", "pallets", 0, None, 500.0, False),
)

SHAPES: dict[str, Callable[[int], float]] = {
    "orders": lambda minute: 100.0 + minute % 7,
    "cycle_time": lambda minute: round(22 + 3 * math.sin(minute / 9), 3),
    "margin": lambda minute: round(31 + 2 * math.cos(minute / 13), 3),
    "visitors": lambda minute: 400.0 + (minute * 37) % 90,
    "returns": lambda minute: round(2.5 + (minute % 5) / 10, 3),
    "stock": lambda minute: 480.0 + minute % 40,
    "sensor.7": lambda minute: float(minute % 3),
}

Row = list[float | None]


@dataclass
class Shop:
    """The gateway of the shop, and its clock."""

    gateway: Gateway
    now: int = NOON

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.gateway.port}/"

    @property
    def streams(self) -> int:
        """How many streams are open at the server."""
        return self.gateway.service.hub.listeners

    async def write(self, rows: list[tuple[str, float, float]]) -> None:
        """Write raw rows of code, seconds since 1970, and value."""
        records = [(moment(at_seconds), code, value) for code, at_seconds, value in rows]
        async with self.gateway.database.connection() as connection:
            await connection.copy_records_to_table("kpi_raw_data", records=records)

    async def minutes(self, count: int = 1, *, codes: tuple[str, ...] = ()) -> None:
        """Let minutes pass in which every KPI (or some) has a row, and publish them."""
        for _ in range(count):
            written = codes or tuple(SHAPES)
            minute = self.now // 60
            await self.write([(code, self.now, SHAPES[code](minute)) for code in written])
            await self.silence()

    async def silence(self, count: int = 1) -> None:
        """Let minutes pass in which nothing is written from now on."""
        for _ in range(count):
            self.now += 60
            await self.gateway.hand.set(self.now)
            await step(self.gateway.service.hub)

    async def history(self, channel: str, length: int = 60) -> list[Row]:
        """Return what REST says of a channel, as the page's tiles tell theirs."""
        code, _, period = channel.rpartition(":")
        query = {"period": period, "history": str(length)}
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{self.url}kpi/{code}", params=query)
        snapshot: dict[str, Any] = answer.json()
        return [
            [at(b["bucket"]), b["value"], b["points"], b["min"], b["max"]]
            for b in snapshot["history"]
        ]


async def fill(shop: Shop, *, minutes: int = HISTORY_MINUTES) -> None:
    """Set the clock, and write the catalogue and the history."""
    await shop.gateway.hand.set(shop.now)
    for row in CATALOGUE:
        await execute(
            shop.gateway.database,
            "INSERT INTO kpi_catalog (code, name, unit, decimals, direction, target, simulated)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            *row,
        )
    noon_minute = shop.now // 60
    await shop.write(
        [
            (code, (noon_minute - before) * 60 + 10, shape(noon_minute - before))
            for before in range(1, minutes + 1)
            for code, shape in SHAPES.items()
            if not (code == "visitors" and before in SILENT)
        ]
    )


async def fill_many(shop: Shop, count: int, *, minutes: int = 120) -> list[str]:
    """Set the clock, and write the history of so many KPIs; return their codes."""
    await shop.gateway.hand.set(shop.now)
    codes = [f"line_{number:03}" for number in range(count)]
    noon_minute = shop.now // 60
    await shop.write(
        [
            (code, (noon_minute - before) * 60 + 10, float((before * 7 + number) % 50))
            for before in range(1, minutes + 1)
            for number, code in enumerate(codes)
        ]
    )
    return codes
