"""Silence is unusual when it lasts longer than any before it."""

import pytest

from app.live.health import NO_DATA, NO_NEW_ROWS, Trouble, silence
from app.models import Bucket


def buckets(pattern: str) -> list[Bucket]:
    return [
        Bucket(60 * i, 1.0, 1, 1.0, 1.0, 7) if mark == "x" else Bucket.gap(60 * i)
        for i, mark in enumerate(pattern)
    ]


@pytest.mark.parametrize(
    ("pattern", "since"),
    [
        ("xxxx", None),
        ("xxx.", None),
        ("xxx..", 3),
        ("x...x...x...", None),
        ("x...x...x....", 9),
        ("..x", None),
        ("....x..", 5),
    ],
)
def test_silence(pattern: str, since: int | None) -> None:
    expected = None if since is None else Trouble(NO_NEW_ROWS, 60 * since)
    assert silence(buckets(pattern)) == expected


def test_a_kpi_that_was_never_heard_has_no_data_yet() -> None:
    assert silence(buckets("....")) == Trouble(NO_DATA, None)
