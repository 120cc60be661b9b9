"""Silence is unusual when it lasts longer than any before it."""

import pytest

from app.live.silence import silent_since
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
        ("....", 0),
        ("", None),
    ],
)
def test_silence(pattern: str, since: int | None) -> None:
    expected = None if since is None else 60 * since
    assert silent_since(buckets(pattern)) == expected
