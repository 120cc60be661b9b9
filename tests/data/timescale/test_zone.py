"""Reading the time zone of an aggregate's days from its definition, however it was written."""

from __future__ import annotations

import pytest

from app.data.timescale.zone import zone_of


@pytest.mark.parametrize(
    ("call", "zone"),
    [
        ("time_bucket('1 day'::interval, bucket, 'Europe/Berlin'::text)", "Europe/Berlin"),
        ("time_bucket('1 day'::interval, t, timezone => 'Europe/Berlin'::text)", "Europe/Berlin"),
        ("time_bucket('1 day'::interval, (t)::timestamptz, 'Asia/Tokyo'::text)", "Asia/Tokyo"),
        (
            "time_bucket('1 day'::interval, to_timestamp(f(a, b)), 'Asia/Tokyo'::text, "
            "'2000-01-03 00:00:00+00'::timestamp with time zone)",
            "Asia/Tokyo",
        ),
        (
            "time_bucket('24:00:00'::interval, bucket, '2000-01-01 00:00:00+00'::timestamptz)",
            "UTC",
        ),
        ("time_bucket('1 day'::interval, bucket)", "UTC"),
        ("date_trunc('day'::text, bucket)", "UTC"),
    ],
)
def test_the_zone_of_days(call: str, zone: str) -> None:
    assert zone_of(f" SELECT {call} AS bucket, kpi_code FROM kpi_values_minute;") == zone
